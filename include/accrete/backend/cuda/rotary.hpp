/// Rotary positions on the device: one thread turns one pair of channels in all heads by one angle.
#pragma once

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/rotary.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

template <class T>
struct Rotate {
  static constexpr int threads = 128;
  T* qkv;                  // (B,T,3,H,D)
  Index const* positions;  // (B) or null
  Index batch, time, heads, width;
  double base;
  int direction;  // 1 forward, -1 backward

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    using Real = Compute<T>;
    Index const half = width / 2;
    policy.for_each(batch * time * half, [&](Index index) {
      Index const i = index % half, token = index / half;
      Index const position = (positions == nullptr ? 0 : positions[token / time]) + token % time;
      double const angle = static_cast<double>(position) *
                           std::pow(base, -static_cast<double>(i) / static_cast<double>(half));
      Real const cosine = static_cast<Real>(std::cos(angle));
      Real const sine = static_cast<Real>(direction * std::sin(angle));
      for (Index head = 0; head < 2 * heads; ++head) {  // queries, then keys
        T* const pair = qkv + (token * 3 * heads + head) * width + i;
        Real const low = real(pair[0]), high = real(pair[half]);
        pair[0] = static_cast<T>(low * cosine - high * sine);
        pair[half] = static_cast<T>(high * cosine + low * sine);
      }
    });
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct RotaryKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void rotate(Backend const& backend, View<Backend, Element, 5> qkv,
                     View<Backend, Index const, 1> positions, double base, int direction) {
    Index const b = qkv.size(0), t = qkv.size(1), h = qkv.size(3), d = qkv.size(4);
    cuda::launch(backend.context(), "rotary", cuda::blocks_for(b * t * (d / 2), 128),
                 cuda::Rotate<E>{qkv.data(), positions.data(), b, t, h, d, base, direction});
  }
};

ACCRETE_END_NAMESPACE
