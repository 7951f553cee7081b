/// Arithmetic with the same bits under every compiler and vector unit: products that are rounded on
/// their own, and sums of eight fixed lanes.
///
/// A compiler that may contract turns a * b + c into one fused operation with one rounding, wherever
/// the target has it, and no pragma that g++ heeds forbids it. Here every product passes through an
/// empty assembly statement that the optimizer cannot see through; it costs no instruction.
#pragma once

#include <cstring>

#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>

#if defined(__x86_64__)
#define ACCRETE_ROUND_NOW(value) asm("" : "+x"(value))
#elif defined(__aarch64__)
#define ACCRETE_ROUND_NOW(value) asm("" : "+w"(value))
#else
#define ACCRETE_ROUND_NOW(value) asm("" : "+m"(value))
#endif

ACCRETE_BEGIN_NAMESPACE

/// a * b, never fused with a sum.
[[nodiscard]] inline double rounded_product(double a, double b) {
  double product = a * b;
  ACCRETE_ROUND_NOW(product);
  return product;
}

/// Two doubles in one register, the widest that all x86-64 and ARMv8 processors have.
using DoublePair = double __attribute__((vector_size(16)));

[[nodiscard]] inline DoublePair rounded_product(DoublePair a, DoublePair b) {
  DoublePair product = a * b;
  ACCRETE_ROUND_NOW(product);
  return product;
}

/// Eight doubles. Named members, not an array, so that they stay in registers at -O2.
struct Octet {
  static constexpr Index size = 8;

  DoublePair a, b, c, d;

  [[nodiscard]] static Octet all(double value) {
    DoublePair const pair{value, value};
    return {pair, pair, pair, pair};
  }
  [[nodiscard]] static Octet zero() { return all(0.0); }
  [[nodiscard]] static Octet load(double const* from) {
    return {load_pair(from), load_pair(from + 2), load_pair(from + 4), load_pair(from + 6)};
  }
  void store(double* to) const {
    store_pair(a, to);
    store_pair(b, to + 2);
    store_pair(c, to + 4);
    store_pair(d, to + 6);
  }

  /// The lanes added in a fixed tree.
  [[nodiscard]] double sum() const {
    DoublePair const pair = (a + b) + (c + d);
    return pair[0] + pair[1];
  }

  friend Octet operator+(Octet const& x, Octet const& y) {
    return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d};
  }
  friend Octet operator-(Octet const& x, Octet const& y) {
    return {x.a - y.a, x.b - y.b, x.c - y.c, x.d - y.d};
  }
  friend Octet operator*(Octet const& x, Octet const& y) {
    return {rounded_product(x.a, y.a), rounded_product(x.b, y.b), rounded_product(x.c, y.c),
            rounded_product(x.d, y.d)};
  }

 private:
  // Pair by pair: moved as one block of 64 bytes, they would pass through memory on the way from a
  // wider register.
  [[nodiscard]] static DoublePair load_pair(double const* from) {
    DoublePair pair;
    std::memcpy(&pair, from, sizeof pair);
    return pair;
  }
  static void store_pair(DoublePair pair, double* to) { std::memcpy(to, &pair, sizeof pair); }
};

/// The least multiple of eight that is not below `size`.
[[nodiscard]] constexpr Index padded_to_octets(Index size) {
  return (size + Octet::size - 1) / Octet::size * Octet::size;
}

/// The sum of x[i] * y[i] for i from `begin` to `end`, both multiples of eight: lane i % 8 adds its
/// products in ascending order, then the lanes are added.
[[nodiscard]] inline double octet_dot(double const* x, double const* y, Index begin, Index end) {
  Octet sum = Octet::zero();
  for (Index i = begin; i < end; i += Octet::size) {
    sum = sum + Octet::load(x + i) * Octet::load(y + i);
  }
  return sum.sum();
}

ACCRETE_END_NAMESPACE
