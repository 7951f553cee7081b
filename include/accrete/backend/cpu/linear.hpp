/// Linear maps: products of slices, on our threads.
#pragma once

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/column_sums.hpp>
#include <accrete/backend/cpu/eigen.hpp>
#include <accrete/ops/linear.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct LinearKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

  static void forward(Backend const& backend, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> weight, View<Backend, Element const, 1> bias,
                      View<Backend, Element, 2> out, LinearOptions options) {
    T const scale = static_cast<T>(options.scale);
    Index const outputs = out.size(1);
    backend.for_each_range(out.size(0), x.size(1) * outputs, [&](IndexRange rows) {
      for (Index n = rows.begin; n < rows.end; ++n)
        for (Index o = 0; o < outputs; ++o)
          out(n, o) =
              (options.accumulate ? out(n, o) : T{0}) + (bias.empty() ? T{0} : scale * bias(o));
      block(out, rows) += scale * block(x, rows) * all(weight).transpose();
    });
  }

  static void backward_input(Backend const& backend, View<Backend, Element const, 2> grad_out,
                             View<Backend, Element const, 2> weight,
                             View<Backend, Element, 2> grad_x, LinearOptions options) {
    T const scale = static_cast<T>(options.scale);
    backend.for_each_range(grad_x.size(0), weight.count(), [&](IndexRange rows) {
      if (!options.accumulate) block(grad_x, rows).setZero();
      block(grad_x, rows) += scale * block(grad_out, rows) * all(weight);
    });
  }

  static void backward_parameters(Backend const& backend, View<Backend, Element const, 2> grad_out,
                                  View<Backend, Element const, 2> x,
                                  View<Backend, Master, 2> grad_weight,
                                  View<Backend, Master, 1> grad_bias, double scale_of_terms) {
    T const scale = static_cast<T>(scale_of_terms);
    Index const outputs = grad_out.size(1);
    if (!grad_weight.empty())
      backend.for_each_range(outputs, x.count(), [&](IndexRange columns) {
        block(grad_weight, columns) +=
            scale * all(grad_out).middleCols(columns.begin, columns.size()).transpose() * all(x);
      });
    if (!grad_bias.empty())
      backend.for_each_range(
          outputs, x.size(0),
          [&](IndexRange columns) {
            detail::add_column_sums<T>(x.size(0), columns, scale, grad_bias.data(),
                                       [&](Index n, Index begin, auto at) {
                                         return at.load(grad_out.data() + n * outputs + begin);
                                       });
          },
          64);
  }

 private:
  template <class U>
  static auto all(TensorView<U, 2> view) {
    return block(view, {0, view.size(0)});
  }
  template <class U>
  static auto block(TensorView<U, 2> view, IndexRange rows) {
    using M = std::conditional_t<std::is_const_v<U>, Matrix const, Matrix>;
    return Eigen::Map<M>(view.data() + rows.begin * view.size(1), rows.size(), view.size(1));
  }
};

ACCRETE_END_NAMESPACE
