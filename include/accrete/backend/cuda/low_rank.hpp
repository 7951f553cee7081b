/// Low-rank corrections on the device, as products of R columns.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/low_rank.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct LowRankKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;
  using Real = cuda::Compute<E>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> down, View<Backend, Element const, 2> up,
                      View<Backend, Element, 2> out, LowRankOptions options) {
    Index const rank = down.size(0);
    auto const scratch = backend.context().scratch(bytes_of(x.size(0), rank));
    E* const low = scratch.template as<E>();  // (N,R) = x down^T
    project(backend, x, down, low);
    backend.product().run(cuda::ProductCall<E, E>{.rows = x.size(0),
                                                  .columns = up.size(0),
                                                  .inner = rank,
                                                  .a = {low, rank, false},
                                                  .b = {up.data(), rank, true},
                                                  .out = out.data() + options.first_output,
                                                  .out_stride = out.size(1),
                                                  .alpha = options.scale,
                                                  .beta = 1.0});
  }

  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 2> down,
                       View<Backend, Element const, 2> up, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 2> grad_down, View<Backend, Master, 2> grad_up,
                       LowRankOptions options) {
    Index const rows = x.size(0), rank = down.size(0), inputs = x.size(1), outputs = up.size(0);
    auto const scratch = backend.context().scratch(bytes_of(rows, rank));
    E* const low = scratch.template as<E>();  // (N,R), for one thing after the other
    E const* const gradient = grad_out.data() + options.first_output;
    Index const stride = grad_out.size(1);
    if (!grad_up.empty()) {
      project(backend, x, down, low);
      backend.product().run(cuda::ProductCall<E, Real>{.rows = outputs,
                                                       .columns = rank,
                                                       .inner = rows,
                                                       .a = {gradient, stride, true},
                                                       .b = {low, rank, false},
                                                       .out = grad_up.data(),
                                                       .out_stride = rank,
                                                       .alpha = options.scale,
                                                       .beta = 1.0});
    }
    if (grad_down.empty() && grad_x.empty()) return;
    backend.product().run(cuda::ProductCall<E, E>{.rows = rows,  // scale * grad_out up
                                                  .columns = rank,
                                                  .inner = outputs,
                                                  .a = {gradient, stride, false},
                                                  .b = {up.data(), rank, false},
                                                  .out = low,
                                                  .out_stride = rank,
                                                  .alpha = options.scale});
    if (!grad_down.empty())
      backend.product().run(cuda::ProductCall<E, Real>{.rows = rank,
                                                       .columns = inputs,
                                                       .inner = rows,
                                                       .a = {low, rank, true},
                                                       .b = {x.data(), inputs, false},
                                                       .out = grad_down.data(),
                                                       .out_stride = inputs,
                                                       .alpha = 1.0,
                                                       .beta = 1.0});
    if (!grad_x.empty())
      backend.product().run(cuda::ProductCall<E, E>{.rows = rows,
                                                    .columns = inputs,
                                                    .inner = rank,
                                                    .a = {low, rank, false},
                                                    .b = {down.data(), inputs, false},
                                                    .out = grad_x.data(),
                                                    .out_stride = inputs,
                                                    .alpha = 1.0,
                                                    .beta = 1.0});
  }

 private:
  [[nodiscard]] static Index bytes_of(Index rows, Index rank) {
    return rows * rank * static_cast<Index>(sizeof(E));
  }

  /// low (N,R) = x down^T
  static void project(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> down, E* low) {
    backend.product().run(cuda::ProductCall<E, E>{.rows = x.size(0),
                                                  .columns = down.size(0),
                                                  .inner = x.size(1),
                                                  .a = {x.data(), x.size(1), false},
                                                  .b = {down.data(), x.size(1), true},
                                                  .out = low,
                                                  .out_stride = down.size(0)});
  }
};

ACCRETE_END_NAMESPACE
