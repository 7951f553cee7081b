/// The types that kernels compute in.
#pragma once

#include <cmath>
#include <type_traits>

#include <accrete/backend/cuda/execution.hpp>
#include <accrete/core/bfloat16.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// double for double, float for all that is narrower.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, double>, double, float>;

/// A stored number as one to compute with.
template <class T>
[[nodiscard]] ACCRETE_KERNEL Compute<T> real(T value) {
  return static_cast<Compute<T>>(value);
}

/// Below every finite number; a value, since device code cannot call the function.
template <class Real>
inline constexpr Real least_number = std::numeric_limits<Real>::lowest();

template <class T>
inline constexpr NumberType number_type = NumberType::float32;
template <>
inline constexpr NumberType number_type<double> = NumberType::float64;
template <>
inline constexpr NumberType number_type<bfloat16> = NumberType::bfloat16;

ACCRETE_END_CUDA_NAMESPACE
