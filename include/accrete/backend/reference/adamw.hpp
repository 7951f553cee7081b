/// AdamW as a plain loop.
#pragma once

#include <cmath>

#include <accrete/backend/reference/backend.hpp>
#include <accrete/ops/adamw.hpp>

ACCRETE_BEGIN_NAMESPACE

template <class T>
struct AdamWKernel<ReferenceBackend<T>> {
  using Backend = ReferenceBackend<T>;

  static void step(Backend const&, View<Backend, Master, 1> master,
                   View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient,
                   View<Backend, Master, 1> first_moment, View<Backend, Master, 1> second_moment,
                   AdamWStep const& numbers) {
    auto const t = static_cast<double>(numbers.step);
    T const beta1 = static_cast<T>(numbers.beta1);
    T const beta2 = static_cast<T>(numbers.beta2);
    T const correction1 = static_cast<T>(1 - std::pow(numbers.beta1, t));
    T const correction2 = static_cast<T>(1 - std::pow(numbers.beta2, t));
    T const learning_rate = static_cast<T>(numbers.learning_rate);
    T const keep = static_cast<T>(1 - numbers.learning_rate * numbers.weight_decay);
    for (Index i = 0; i < master.size(0); ++i) {
      T const g = static_cast<T>(numbers.gradient_scale) * gradient(i);
      first_moment(i) = beta1 * first_moment(i) + (1 - beta1) * g;
      second_moment(i) = beta2 * second_moment(i) + (1 - beta2) * g * g;
      T const step = (first_moment(i) / correction1) /
                     (std::sqrt(second_moment(i) / correction2) + static_cast<T>(numbers.epsilon));
      master(i) = keep * master(i) - learning_rate * step;
      element(i) = master(i);
    }
  }
};

ACCRETE_END_NAMESPACE
