/// AdamW in one pass: it runs at the speed of memory.
#pragma once

#include <cmath>

#include <accrete/backend/cpu/backend.hpp>
#include <accrete/backend/cpu/pack.hpp>
#include <accrete/ops/adamw.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct AdamWKernel<BasicCpuBackend<T>> {
  using Backend = BasicCpuBackend<T>;

  static void step(Backend const& backend, View<Backend, Master, 1> master,
                   View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient,
                   View<Backend, Master, 1> first_moment, View<Backend, Master, 1> second_moment,
                   AdamWStep const& numbers) {
    auto const t = static_cast<double>(numbers.step);
    T const gradient_scale = static_cast<T>(numbers.gradient_scale);
    T const beta1 = static_cast<T>(numbers.beta1);
    T const beta2 = static_cast<T>(numbers.beta2);
    T const correction1 = static_cast<T>(1 - std::pow(numbers.beta1, t));
    T const correction2 = static_cast<T>(1 - std::pow(numbers.beta2, t));
    T const epsilon = static_cast<T>(numbers.epsilon);
    T const learning_rate = static_cast<T>(numbers.learning_rate);
    T const keep = static_cast<T>(1 - numbers.learning_rate * numbers.weight_decay);
    backend.for_each_range(master.size(0), 7, [&](IndexRange range) {
      T* const p = master.data() + range.begin;
      T* const rounded = element.data() + range.begin;
      T const* const g = gradient.data() + range.begin;
      T* const m = first_moment.data() + range.begin;
      T* const v = second_moment.data() + range.begin;
      detail::for_each_pack<T>(range.size(), [=](auto at) {
        using P = detail::Pack<T>;
        P const scaled = P(gradient_scale) * at.load(g);
        P const first = multiply_add(P(beta1), at.load(m), P(1 - beta1) * scaled);
        P const second = multiply_add(P(beta2), at.load(v), P(1 - beta2) * scaled * scaled);
        P const step =
            (first / P(correction1)) / (square_root(second / P(correction2)) + P(epsilon));
        P const moved = P(keep) * at.load(p) - P(learning_rate) * step;
        at.store(m, first);
        at.store(v, second);
        at.store(p, moved);
        if (rounded != p) at.store(rounded, moved);
      });
    });
  }
};

ACCRETE_END_NAMESPACE
