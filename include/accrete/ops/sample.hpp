/// The next token of each sequence, drawn from rows of logits.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include <accrete/concepts/backend.hpp>
#include <accrete/core/bfloat16.hpp>
#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE

struct SamplingOptions {
  double temperature = 1.0;  ///< logits are divided by it; 0 means greedy
  Index top_k = 0;           ///< keep the k likeliest tokens; 0 means all
  double top_p = 1.0;        ///< then keep the likeliest tokens until their mass reaches p

  /// Throws ValueError for settings that cannot be meant.
  void check() const {
    if (!(temperature >= 0) || !std::isfinite(temperature))
      throw ValueError(message("sampling: temperature must be 0 or more, got ", temperature));
    if (top_k < 0) throw ValueError(message("sampling: top_k must be 0 or more, got ", top_k));
    if (!(top_p > 0 && top_p <= 1))
      throw ValueError(message("sampling: top_p must be in (0, 1], got ", top_p));
  }
};

/// A whole number that is the greater the greater the logit: zeros are equal, what is no number comes last.
template <class T>
using LogitOrder =
    std::conditional_t<sizeof(T) == 2, std::uint16_t,
                       std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;

/// What logits are subtracted and weighed in.
template <class T>
using LogitNumber = std::conditional_t<(sizeof(T) > 4), double, float>;

template <class T>
[[nodiscard]] ACCRETE_HOST_DEVICE LogitOrder<T> order_of(T logit) {
  using Order = LogitOrder<T>;
  constexpr Order sign = static_cast<Order>(Order{1} << (8 * sizeof(T) - 1));
  auto const number = static_cast<LogitNumber<T>>(logit);
  if (number != number) return 0;
  if (number == 0) return sign;
  Order bits = 0;
  std::memcpy(&bits, &logit, sizeof(bits));
  return static_cast<Order>((bits & sign) != 0 ? ~bits : bits | sign);
}

/// The logit that stands at a place of this order.
template <class T>
[[nodiscard]] ACCRETE_HOST_DEVICE T logit_at(LogitOrder<T> order) {
  using Order = LogitOrder<T>;
  constexpr Order sign = static_cast<Order>(Order{1} << (8 * sizeof(T) - 1));
  Order const bits = static_cast<Order>((order & sign) != 0 ? order ^ sign : ~order);
  T logit;
  std::memcpy(static_cast<void*>(&logit), &bits, sizeof(logit));
  return logit;
}

/// exp((logit - greatest) / temperature) as a whole number, of which those of V tokens add up to less than 2^63.
///
/// Whole numbers have one sum in every order, and these are made without a function of any library: from the same logits
/// each backend draws the same token, however it shares out the work. They are right to nine digits; of a token that is
/// less likely than 2^-46 of the likeliest (at V = 65,536) nothing is left.
template <class Real>
class TokenWeights {
 public:
  /// Temperature above 0, V at least 1.
  TokenWeights(double temperature, Index vocabulary)
      : halvings_(static_cast<Real>(std::min(1.4426950408889634 / temperature, 1e38))),
        bits_(31 -
              std::min(static_cast<int>(std::bit_width(static_cast<std::uint64_t>(vocabulary))),
                       31)) {}

  /// The weight of a token whose logit is `below` the greatest.
  [[nodiscard]] ACCRETE_HOST_DEVICE std::uint64_t operator()(Real below) const {
    Real const times = below * halvings_;  // that the greatest weight is halved
    if (!(times < Real{63})) return 0;
    auto const fixed = static_cast<std::uint64_t>(times * Real{4294967296});
    // 2^-f = exp(-x) with x = f ln 2, which is 1 - x (1 - x/2 (1 - x/3 (...))), in units of 2^-32.
    constexpr std::uint64_t one = std::uint64_t{1} << 32, ln_2 = 2977044472;
    std::uint64_t const x = (fixed & (one - 1)) * ln_2 >> 32;
    std::uint64_t value = one;
    for (std::uint32_t n = 12; n > 0; --n)
      value = one - static_cast<std::uint32_t>(x * value >> 32) / n;
    return value << bits_ >> (fixed >> 32);
  }

 private:
  Real halvings_;  // of the weight, per unit of a logit
  int bits_;       // the greatest weight is 2^(32 + bits)
};

/// The place among `total` that a number in [0,1) means.
[[nodiscard]] ACCRETE_HOST_DEVICE inline std::uint64_t place_of(double uniform,
                                                                std::uint64_t total) {
  auto const place = static_cast<std::uint64_t>(uniform * static_cast<double>(total));
  return place < total ? place : total - 1;
}

/// The least mass that is a share p of `total`, and at least something.
[[nodiscard]] ACCRETE_HOST_DEVICE inline std::uint64_t mass_of(double p, std::uint64_t total) {
  auto const mass = static_cast<std::uint64_t>(std::ceil(p * static_cast<double>(total)));
  return mass < 1 ? 1 : mass < total ? mass : total;
}

/// The backend's part of the operation, in `backend/<name>/sample.hpp`. Where it has none, the host samples
/// (generate/sampling.hpp), with the same result.
template <class Backend>
struct SampleKernel;

template <class Backend>
concept HasSampling = ComputeBackend<Backend> &&
    requires(Backend const& backend, View<Backend, Element const, 2> logits,
             View<Backend, double const, 1> uniform, View<Backend, TokenId, 1> tokens,
             SamplingOptions const& options) {
  SampleKernel<Backend>::run(backend, logits, uniform, tokens, options);
};

/// tokens[n] = a token drawn from softmax(logits[n,:] / temperature), cut to top_k and then to top_p: the first in the
/// order of ids at which the mass of those that are left exceeds uniform[n] of all of it. At temperature 0 it is the
/// likeliest. Of equal logits the lower id is the likelier.
///
/// PyTorch: `torch.multinomial(torch.softmax(logits / temperature, -1), 1)`, without the cuts.
template <HasSampling Backend>
void sample_tokens(Backend const& backend, View<Backend, Element const, 2> logits,  // (N,V)
                   View<Backend, double const, 1> uniform,                          // (N), in [0,1)
                   View<Backend, TokenId, 1> tokens,                                // (N)
                   SamplingOptions const& options) {
  options.check();
  check_sizes("sample_tokens", "uniform", uniform, {logits.size(0)});
  check_sizes("sample_tokens", "tokens", tokens, {logits.size(0)});
  if (logits.size(1) < 1) throw ShapeError("sample_tokens: a row needs at least one logit");
  SampleKernel<Backend>::run(backend, logits, uniform, tokens, options);
}

ACCRETE_END_NAMESPACE
