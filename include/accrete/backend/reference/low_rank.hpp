/// Low-rank corrections as plain loops.
#pragma once

#include <vector>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/low_rank.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct LowRankKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element const, 2> down, View<Backend, Element const, 2> up,
                      View<Backend, Element, 2> out, LowRankOptions options) {
    T const scale = static_cast<T>(options.scale);
    for (Index n = 0; n < x.size(0); ++n) {
      std::vector<T> const hidden = low(x, down, n);
      for (Index p = 0; p < up.size(0); ++p) {
        T sum{0};
        for (Index r = 0; r < up.size(1); ++r) sum += up(p, r) * hidden[std::size_t(r)];
        out(n, options.first_output + p) += scale * sum;
      }
    }
  }

  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element const, 2> down,
                       View<Backend, Element const, 2> up, View<Backend, Element, 2> grad_x,
                       View<Backend, Master, 2> grad_down, View<Backend, Master, 2> grad_up,
                       LowRankOptions options) {
    T const scale = static_cast<T>(options.scale);
    for (Index n = 0; n < x.size(0); ++n) {
      std::vector<T> const hidden = low(x, down, n);
      for (Index r = 0; r < down.size(0); ++r) {
        T gradient{0};
        for (Index p = 0; p < up.size(0); ++p) {
          T const from = scale * grad_out(n, options.first_output + p);
          gradient += from * up(p, r);
          if (!grad_up.empty()) grad_up(p, r) += from * hidden[std::size_t(r)];
        }
        for (Index i = 0; i < x.size(1); ++i) {
          if (!grad_down.empty()) grad_down(r, i) += gradient * x(n, i);
          if (!grad_x.empty()) grad_x(n, i) += gradient * down(r, i);
        }
      }
    }
  }

 private:
  /// x[n,:] down^T
  static std::vector<T> low(View<Backend, Element const, 2> x, View<Backend, Element const, 2> down,
                            Index n) {
    std::vector<T> hidden(static_cast<std::size_t>(down.size(0)));
    for (Index r = 0; r < down.size(0); ++r)
      for (Index i = 0; i < x.size(1); ++i) hidden[std::size_t(r)] += x(n, i) * down(r, i);
    return hidden;
  }
};

ACCRETE_END_NAMESPACE
