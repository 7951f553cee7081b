/// Causal multi-head self-attention without biases.
#pragma once

#include <accrete/nn/fused_decoding.hpp>
#include <accrete/nn/linear.hpp>
#include <accrete/nn/position.hpp>
#include <accrete/ops/causal_attention.hpp>

ACCRETE_BEGIN_NAMESPACE

/// out = attention(x W_qkv^T) W_out^T. "qkv.weight" (3C,C) holds the rows of queries, keys and values one below the
/// other, each H heads of D rows, so that one product makes all three.
template <HasCausalAttention B, PositionPolicy<B> Position>
class SelfAttention {
 public:
  using Backend = B;

  struct Activations {
    View<Backend, Element, 5> qkv;            // (B,T,3,H,D)
    View<Backend, Element, 4> attended;       // (B,T,H,D)
    View<Backend, Statistic, 3> log_sum_exp;  // (B,H,T)
  };
  struct Scratch {
    View<Backend, Element, 5> grad_qkv;       // (B,T,3,H,D)
    View<Backend, Element, 4> grad_attended;  // (B,T,H,D)
  };
  struct Cache {
    View<Backend, Element, 4> keys, values;  // (B,H,T_max,D)
  };

  SelfAttention(Index model_dim, Index head_count);

  template <class Self>
  static void visit_parameters(Self& self, auto&& visit) {
    visit("qkv", self.qkv_);
    visit("out", self.out_);
  }
  template <class Self>
  static void visit_linear_maps(Self& self, auto&& visit) {
    Index const width = self.model_dim_;
    visit("query", self.qkv_, IndexRange{0, width});
    visit("key", self.qkv_, IndexRange{width, 2 * width});
    visit("value", self.qkv_, IndexRange{2 * width, 3 * width});
    visit("out", self.out_, IndexRange{0, width});
  }
  [[nodiscard]] Json describe() const;

  Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const;
  Scratch scratch_for(Workspace<Backend>& workspace, Index batch, Index time) const;
  Cache cache_for(Workspace<Backend>& workspace, Index batch, Index capacity) const;

  void forward(Backend const& backend, View<Backend, Element const, 3> x,
               View<Backend, Element, 3> out, Activations& kept, Scratch&) const;
  void backward(Backend const& backend, Gradients<Backend> const& gradients,
                View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                View<Backend, Element, 3> grad_x, Activations const& kept, Scratch& scratch) const;
  void decode_step(Backend const& backend, Cache& cache, View<Backend, Index const, 1> positions,
                   View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                   Activations& kept, Scratch&) const;
  /// Whether `decode_step_fused` takes so many rows.
  [[nodiscard]] bool fuses(Backend const& backend, Index rows) const {
    return qkv_.fuses(backend, rows) && out_.fuses(backend, rows);
  }
  /// out = x + attention(norm(x)), otherwise as `decode_step`.
  void decode_step_fused(Backend const& backend, Cache& cache,
                         View<Backend, Index const, 1> positions, RowNorm<Backend> const& norm,
                         View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                         Activations& kept) const requires HasFusedLinear<B>;

 private:
  /// (B,T,...) as rows of all that belongs to a token.
  template <class T, int Rank>
  static TensorView<T, 2, typename Backend::Space> per_token(
      TensorView<T, Rank, typename Backend::Space> view) {
    Index const tokens = view.size(0) * view.size(1);
    return {view.data(), {tokens, tokens == 0 ? 0 : view.count() / tokens}};
  }

  Index model_dim_, head_count_;
  Linear<Backend> qkv_, out_;
};

template <HasCausalAttention B, PositionPolicy<B> Position>
SelfAttention<B, Position>::SelfAttention(Index model_dim, Index head_count)
    : model_dim_(model_dim),
      head_count_(head_count),
      qkv_(model_dim, 3 * model_dim, Linear<B>::Bias::no),
      out_(model_dim, model_dim, Linear<B>::Bias::no, Initial::residual_output()) {
  if (!Position::head_dim_is_valid(model_dim / head_count))
    throw ShapeError(message("self_attention: a head width of ", model_dim / head_count,
                             " does not fit the positions '", Position::name, "'"));
}

template <HasCausalAttention B, PositionPolicy<B> Position>
Json SelfAttention<B, Position>::describe() const {
  Json json = Json::object();
  json["heads"] = Json(head_count_);
  json["positions"] = Json(Position::name);
  return json;
}

template <HasCausalAttention B, PositionPolicy<B> Position>
auto SelfAttention<B, Position>::activations_for(Workspace<B>& workspace, Index batch,
                                                 Index time) const -> Activations {
  Index const width = model_dim_ / head_count_;
  return {workspace.template tensor<Element>(batch, time, 3, head_count_, width),
          workspace.template tensor<Element>(batch, time, head_count_, width),
          workspace.template tensor<Statistic>(batch, head_count_, time)};
}

template <HasCausalAttention B, PositionPolicy<B> Position>
auto SelfAttention<B, Position>::scratch_for(Workspace<B>& workspace, Index batch, Index time) const
    -> Scratch {
  Index const width = model_dim_ / head_count_;
  return {workspace.template tensor<Element>(batch, time, 3, head_count_, width),
          workspace.template tensor<Element>(batch, time, head_count_, width)};
}

template <HasCausalAttention B, PositionPolicy<B> Position>
auto SelfAttention<B, Position>::cache_for(Workspace<B>& workspace, Index batch,
                                           Index capacity) const -> Cache {
  Index const width = model_dim_ / head_count_;
  return {workspace.template tensor<Element>(batch, head_count_, capacity, width),
          workspace.template tensor<Element>(batch, head_count_, capacity, width)};
}

template <HasCausalAttention B, PositionPolicy<B> Position>
void SelfAttention<B, Position>::forward(B const& backend, View<B, Element const, 3> x,
                                         View<B, Element, 3> out, Activations& kept,
                                         Scratch&) const {
  qkv_.forward(backend, x.rows(), per_token(kept.qkv));
  Position::forward(backend, kept.qkv, {});
  causal_attention_forward(backend, kept.qkv, kept.attended, kept.log_sum_exp);
  out_.forward(backend, per_token(kept.attended), out.rows());
}

template <HasCausalAttention B, PositionPolicy<B> Position>
void SelfAttention<B, Position>::backward(B const& backend, Gradients<B> const& gradients,
                                          View<B, Element const, 3> grad_out,
                                          View<B, Element const, 3> x, View<B, Element, 3> grad_x,
                                          Activations const& kept, Scratch& scratch) const {
  out_.backward(backend, gradients, grad_out.rows(), per_token(kept.attended),
                per_token(scratch.grad_attended));
  causal_attention_backward(backend, scratch.grad_attended, kept.qkv, kept.attended,
                            kept.log_sum_exp, scratch.grad_qkv);
  Position::backward(backend, scratch.grad_qkv);
  qkv_.backward(backend, gradients, per_token(scratch.grad_qkv), x.rows(), grad_x.rows());
}

template <HasCausalAttention B, PositionPolicy<B> Position>
void SelfAttention<B, Position>::decode_step(B const& backend, Cache& cache,
                                             View<B, Index const, 1> positions,
                                             View<B, Element const, 3> x, View<B, Element, 3> out,
                                             Activations& kept, Scratch&) const {
  qkv_.forward(backend, x.rows(), per_token(kept.qkv));
  Position::forward(backend, kept.qkv, positions);
  causal_attention_decode(backend, kept.qkv, cache.keys, cache.values, positions, kept.attended);
  out_.forward(backend, per_token(kept.attended), out.rows());
}

template <HasCausalAttention B, PositionPolicy<B> Position>
void SelfAttention<B, Position>::decode_step_fused(
    B const& backend, Cache& cache, View<B, Index const, 1> positions, RowNorm<B> const& norm,
    View<B, Element const, 3> x, View<B, Element, 3> out,
    Activations& kept) const requires HasFusedLinear<B> {
  qkv_.forward_fused(backend, x.rows(), per_token(kept.qkv), {.norm = norm});
  Position::forward(backend, kept.qkv, positions);
  causal_attention_decode(backend, kept.qkv, cache.keys, cache.values, positions, kept.attended);
  out_.forward_fused(backend, per_token(kept.attended), out.rows(), {.residual = x.rows()});
}

ACCRETE_END_NAMESPACE
