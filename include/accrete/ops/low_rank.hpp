/// Low-rank corrections of linear maps, as LoRA adds them (Hu et al., arXiv 2106.09685).
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

struct LowRankOptions {
  double scale = 1.0;      ///< alpha / rank
  Index first_output = 0;  ///< the correction adds to the outputs [first_output, first_output + P)
};

/// The backend's part of the operation; each backend specialises it in
/// `backend/<name>/low_rank.hpp`.
template <class Backend>
struct LowRankKernel;

template <class Backend>
concept HasLowRank = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> in,
             View<Backend, Element, 2> out, View<Backend, Master, 2> gradient) {
  LowRankKernel<Backend>::forward(backend, in, in, in, out, LowRankOptions{});
  LowRankKernel<Backend>::backward(backend, in, in, in, in, out, gradient, gradient,
                                   LowRankOptions{});
};

namespace detail {
template <class Backend>
void check_low_rank(char const* operation, View<Backend, Element const, 2> x,
                    View<Backend, Element const, 2> down, View<Backend, Element const, 2> up,
                    Index outputs, LowRankOptions options) {
  check_sizes(operation, "down", down, {up.size(1), x.size(1)});
  if (options.first_output < 0 || options.first_output + up.size(0) > outputs)
    throw ShapeError(message(operation, ": the outputs [", options.first_output, ", ",
                             options.first_output + up.size(0), ") are not among ", outputs));
}
}  // namespace detail

/// out[n, first + p] += scale * sum_r up[p,r] * sum_i down[r,i] * x[n,i].
///
/// PyTorch: `out[:, first:first+P] += scale * F.linear(F.linear(x, down), up)`.
template <HasLowRank Backend>
void low_rank_forward(Backend const& backend, View<Backend, Element const, 2> x,  // (N,I)
                      View<Backend, Element const, 2> down,                       // (R,I)
                      View<Backend, Element const, 2> up,                         // (P,R)
                      View<Backend, Element, 2> out,                              // (N,O)
                      LowRankOptions options) {
  detail::check_low_rank<Backend>("low_rank_forward", x, down, up, out.size(1), options);
  check_sizes("low_rank_forward", "out", out, {x.size(0), out.size(1)});
  LowRankKernel<Backend>::forward(backend, x, down, up, out, options);
}

/// With g = scale * grad_out[:, first:first+P] up (N,R): grad_x += g down; grad_down += g^T x; grad_up
/// += scale * grad_out[:, first:first+P]^T (x down^T).
///
/// An empty view means that this gradient is not wanted.
template <HasLowRank Backend>
void low_rank_backward(Backend const& backend, View<Backend, Element const, 2> grad_out,  // (N,O)
                       View<Backend, Element const, 2> x,                                 // (N,I)
                       View<Backend, Element const, 2> down,                              // (R,I)
                       View<Backend, Element const, 2> up,                                // (P,R)
                       View<Backend, Element, 2> grad_x,    // (N,I) or empty
                       View<Backend, Master, 2> grad_down,  // (R,I) or empty
                       View<Backend, Master, 2> grad_up,    // (P,R) or empty
                       LowRankOptions options) {
  detail::check_low_rank<Backend>("low_rank_backward", x, down, up, grad_out.size(1), options);
  check_sizes("low_rank_backward", "grad_out", grad_out, {x.size(0), grad_out.size(1)});
  check_optional_sizes("low_rank_backward", "grad_x", grad_x, x.sizes());
  check_optional_sizes("low_rank_backward", "grad_down", grad_down, down.sizes());
  check_optional_sizes("low_rank_backward", "grad_up", grad_up, up.sizes());
  LowRankKernel<Backend>::backward(backend, grad_out, x, down, up, grad_x, grad_down, grad_up,
                                   options);
}

ACCRETE_END_NAMESPACE
