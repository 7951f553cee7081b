/// Low-rank corrections: two narrow products forward, four backward.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/product.hpp>
#include <accrete/backend/cpu/scratch.hpp>
#include <accrete/ops/low_rank.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct LowRankKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> down, View<Backend, Element const, 2> up,
                      View<Backend, Element, 2> out, LowRankOptions options) {
    auto const hidden = low_of(backend, x, down);
    detail::product<T>(backend.pool(), hidden, detail::transposed(up),
                       columns_of(detail::MatrixView<T>(out), up, options),
                       {.scale = static_cast<T>(options.scale), .accumulate = true});
  }

  /// The hidden numbers (N,R) are computed again: they are few, and keeping them would cost memory.
  static void backward(Backend const& backend, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 2> down,
                       View<Backend, Element const, 2> up, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 2> grad_down, View<Backend, Master, 2> grad_up,
                       LowRankOptions options) {
    T const scale = static_cast<T>(options.scale);
    auto const from = columns_of(detail::MatrixView<T const>(grad_out), up, options);
    if (!grad_up.empty()) {
      auto const hidden = low_of(backend, x, down);
      detail::product<T>(backend.pool(), detail::transposed(from), hidden, grad_up,
                         {.scale = scale, .accumulate = true});
    }
    auto const grad_hidden = rows_of_rank<GradHidden>(x.size(0), down.size(0));
    detail::product<T>(backend.pool(), from, up, grad_hidden, {.scale = scale});
    if (!grad_down.empty())
      detail::product<T>(backend.pool(), detail::transposed(grad_hidden), x, grad_down,
                         {.accumulate = true});
    if (!grad_x.empty())
      detail::product<T>(backend.pool(), grad_hidden, down, grad_x, {.accumulate = true});
  }

 private:
  struct Hidden;
  struct GradHidden;

  template <class Owner>
  static detail::MatrixView<T> rows_of_rank(Index rows, Index rank) {
    return {detail::scratch<T, Owner>(rows * rank), rows, rank, rank};
  }
  /// x down^T (N,R)
  static detail::MatrixView<T> low_of(Backend const& backend, View<Backend, Element const, 2> x,
                                      View<Backend, Element const, 2> down) {
    auto const hidden = rows_of_rank<Hidden>(x.size(0), down.size(0));
    detail::product<T>(backend.pool(), x, detail::transposed(down), hidden);
    return hidden;
  }
  template <class U>
  static detail::MatrixView<U> columns_of(detail::MatrixView<U> all,
                                          View<Backend, Element const, 2> up,
                                          LowRankOptions options) {
    return all.block({0, all.rows}, {options.first_output, options.first_output + up.size(0)});
  }
};

ACCRETE_END_NAMESPACE
