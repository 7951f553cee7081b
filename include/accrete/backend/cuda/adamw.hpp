/// AdamW on the device.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/adamw.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct AdamWBody {
  static constexpr int threads = 256;
  using Real = Compute<T>;
  Real* master;
  T* element;  // the rounded copy, or `master` itself
  Real const* gradient;
  Real *first_moment, *second_moment;
  Index count;
  Real beta1, beta2, correction1, correction2, learning_rate, keep, gradient_scale, epsilon;

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    policy.for_each(count, [&](Index i) {
      Real const g = gradient_scale * gradient[i];
      Real const first = beta1 * first_moment[i] + (1 - beta1) * g;
      Real const second = beta2 * second_moment[i] + (1 - beta2) * g * g;
      Real const step = (first / correction1) / (std::sqrt(second / correction2) + epsilon);
      Real const value = keep * master[i] - learning_rate * step;
      first_moment[i] = first;
      second_moment[i] = second;
      master[i] = value;
      element[i] = static_cast<T>(value);
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct AdamWKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;
  using Real = cuda::Compute<E>;

  static void step(Backend const& backend, View<Backend, Master, 1> master,
                   View<Backend, Element, 1> element, View<Backend, Master const, 1> gradient,
                   View<Backend, Master, 1> first_moment, View<Backend, Master, 1> second_moment,
                   AdamWStep const& numbers) {
    auto const t = static_cast<double>(numbers.step);
    cuda::launch(backend.context(), "adamw_step", cuda::blocks_for(master.size(0), 256),
                 cuda::AdamWBody<E>{
                     .master = master.data(),
                     .element = element.data(),
                     .gradient = gradient.data(),
                     .first_moment = first_moment.data(),
                     .second_moment = second_moment.data(),
                     .count = master.size(0),
                     .beta1 = static_cast<Real>(numbers.beta1),
                     .beta2 = static_cast<Real>(numbers.beta2),
                     .correction1 = static_cast<Real>(1 - std::pow(numbers.beta1, t)),
                     .correction2 = static_cast<Real>(1 - std::pow(numbers.beta2, t)),
                     .learning_rate = static_cast<Real>(numbers.learning_rate),
                     .keep = static_cast<Real>(1 - numbers.learning_rate * numbers.weight_decay),
                     .gradient_scale = static_cast<Real>(numbers.gradient_scale),
                     .epsilon = static_cast<Real>(numbers.epsilon)});
  }
};

ACCRETE_END_NAMESPACE
