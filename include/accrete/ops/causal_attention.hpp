/// Causal multi-head attention. Queries, keys and values stand side by side in one tensor
/// (B,T,3,H,D), as one product makes them; scores are never held for more than a few query rows at
/// a time.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/causal_attention.hpp`.
template <class Backend>
struct CausalAttentionKernel;

template <class Backend>
concept HasCausalAttention = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 5> qkv,
             View<Backend, Element, 5> grad_qkv, View<Backend, Element const, 4> in,
             View<Backend, Element, 4> out, View<Backend, Statistic, 3> statistic,
             View<Backend, Statistic const, 3> kept, View<Backend, Index const, 1> positions) {
  CausalAttentionKernel<Backend>::forward(backend, qkv, out, statistic);
  CausalAttentionKernel<Backend>::backward(backend, in, qkv, in, kept, grad_qkv);
  CausalAttentionKernel<Backend>::decode(backend, qkv, out, out, positions, out);
};

/// out[b,t,h,:] = sum_{s<=t} p[s] v[b,s,h,:], with p = softmax_s(q[b,t,h,:] . k[b,s,h,:] /
/// sqrt(D)).
///
/// PyTorch: `torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)`.
/// `log_sum_exp` keeps log sum_{s<=t} exp(score) of every query, from which backward rebuilds p.
template <HasCausalAttention Backend>
void causal_attention_forward(Backend const& backend,
                              View<Backend, Element const, 5> qkv,        // (B,T,3,H,D)
                              View<Backend, Element, 4> out,              // (B,T,H,D)
                              View<Backend, Statistic, 3> log_sum_exp) {  // (B,H,T)
  Index const b = qkv.size(0), t = qkv.size(1), h = qkv.size(3), d = qkv.size(4);
  check_sizes("causal_attention_forward", "qkv", qkv, {b, t, 3, h, d});
  check_sizes("causal_attention_forward", "out", out, {b, t, h, d});
  check_sizes("causal_attention_forward", "log_sum_exp", log_sum_exp, {b, h, t});
  CausalAttentionKernel<Backend>::forward(backend, qkv, out, log_sum_exp);
}

/// With dp[s] = grad_out . v[s] and ds[s] = p[s] (dp[s] - grad_out . out): grad_v[s] = sum_t p[t,s]
/// grad_out[t]; grad_q[t] = sum_s ds[t,s] k[s] / sqrt(D); grad_k[s] = sum_t ds[t,s] q[t] / sqrt(D).
template <HasCausalAttention Backend>
void causal_attention_backward(Backend const& backend,
                               View<Backend, Element const, 4> grad_out,       // (B,T,H,D)
                               View<Backend, Element const, 5> qkv,            // (B,T,3,H,D)
                               View<Backend, Element const, 4> out,            // (B,T,H,D)
                               View<Backend, Statistic const, 3> log_sum_exp,  // (B,H,T)
                               View<Backend, Element, 5> grad_qkv) {           // (B,T,3,H,D)
  Index const b = qkv.size(0), t = qkv.size(1), h = qkv.size(3), d = qkv.size(4);
  check_sizes("causal_attention_backward", "qkv", qkv, {b, t, 3, h, d});
  check_sizes("causal_attention_backward", "grad_out", grad_out, {b, t, h, d});
  check_sizes("causal_attention_backward", "out", out, {b, t, h, d});
  check_sizes("causal_attention_backward", "log_sum_exp", log_sum_exp, {b, h, t});
  check_sizes("causal_attention_backward", "grad_qkv", grad_qkv, qkv.sizes());
  CausalAttentionKernel<Backend>::backward(backend, grad_out, qkv, out, log_sum_exp, grad_qkv);
}

/// The forward pass for n further tokens of each sequence: appends their keys and values to the
/// cache at positions [position, position + n) and attends over everything up to each token.
template <HasCausalAttention Backend>
void causal_attention_decode(Backend const& backend,
                             View<Backend, Element const, 5> qkv,      // (B,n,3,H,D)
                             View<Backend, Element, 4> keys,           // (B,H,T_max,D)
                             View<Backend, Element, 4> values,         // (B,H,T_max,D)
                             View<Backend, Index const, 1> positions,  // (B)
                             View<Backend, Element, 4> out) {          // (B,n,H,D)
  Index const b = qkv.size(0), n = qkv.size(1), h = qkv.size(3), d = qkv.size(4);
  check_sizes("causal_attention_decode", "qkv", qkv, {b, n, 3, h, d});
  check_sizes("causal_attention_decode", "keys", keys, {b, h, keys.size(2), d});
  check_sizes("causal_attention_decode", "values", values, keys.sizes());
  check_sizes("causal_attention_decode", "out", out, {b, n, h, d});
  check_sizes("causal_attention_decode", "positions", positions, {b});
  CausalAttentionKernel<Backend>::decode(backend, qkv, keys, values, positions, out);
}

ACCRETE_END_NAMESPACE
