/// Sampling on the device: a block for each row of logits.
#pragma once

#include <bit>

#include <accrete/backend/cuda/backend.hpp>
#include <accrete/ops/sample.hpp>

ACCRETE_BEGIN_CUDA_NAMESPACE

/// What is sought is always the greatest key down to which the measures of all tokens add up to as much as is needed: the
/// k-th logit where each token counts as one; the logit at which the likeliest have a mass of p; and, with keys that fall
/// as ids rise, the token itself. It is found digit by digit: a pass over the row sums the measures for each value of the
/// next digit, each thread for itself. All sums are of whole numbers.
template <class T>
struct Sample {
  static constexpr int threads = 256;
  static constexpr int digit_bits = 4, digits = 1 << digit_bits;
  static constexpr Index shared_bytes = Index{digits} * threads * Index{sizeof(std::uint64_t)};
  using Real = Compute<T>;
  using Order = LogitOrder<T>;
  T const* logits;        // (N,V)
  double const* uniform;  // (N)
  TokenId* tokens;        // (N)
  Index vocabulary;
  int id_bits;  // ids are less than 2^id_bits
  bool greedy;
  Index top_k;
  double top_p;
  TokenWeights<Real> weights;

  /// Tokens above `least` are left, and of those that stand at it the ones up to `last_id`.
  struct Cut {
    Order least;
    Index last_id;

    ACCRETE_KERNEL bool keeps(Order order, Index id) const {
      return order > least || (order == least && id <= last_id);
    }
  };
  struct Measured {
    std::uint64_t key, measure;
  };
  /// `left` is what is needed of the tokens that have this key, `here` what they have.
  struct Found {
    std::uint64_t key, left, here;
  };

  template <class Policy>
  ACCRETE_KERNEL void operator()(Policy& policy) const {
    T const* const own = logits + policy.block() * vocabulary;
    PerThread<std::uint64_t, Policy> most;
    PerThread<Index, Policy> first;
    policy.phase([&](int thread) {
      most[thread] = 0;
      first[thread] = vocabulary;
      for (Index v = thread; v < vocabulary; v += threads)
        if (Order const order = order_of(own[v]);
            first[thread] == vocabulary || order > most[thread]) {
          most[thread] = order;
          first[thread] = v;
        }
    });
    auto const greatest = static_cast<Order>(policy.reduce(most, Greatest{}));
    if (greedy) {
      policy.phase([&](int thread) {
        first[thread] = most[thread] == greatest ? -first[thread] : -vocabulary;
      });
      store(policy, -policy.reduce(first, Greatest{}));
      return;
    }
    Real const top = real(logit_at<T>(greatest));
    auto const one = [](Order) { return std::uint64_t{1}; };
    auto const weight = [&](Order order) {
      return weights(order == greatest ? Real{0} : top - real(logit_at<T>(order)));
    };
    std::uint64_t* const sums = policy.template shared<std::uint64_t>(digits * threads);
    Cut cut{0, vocabulary};
    auto const weight_left = [&](Index v) {
      Order const order = order_of(own[v]);
      return cut.keeps(order, v) ? weight(order) : 0;
    };
    if (top_k > 0 && top_k < vocabulary)
      cut = cut_at(policy, sums, own, cut, static_cast<std::uint64_t>(top_k), one);
    if (top_p < 1) {
      std::uint64_t const enough = mass_of(top_p, total(policy, weight_left));
      cut = cut_at(policy, sums, own, cut, enough, weight);
    }
    std::uint64_t const place = place_of(uniform[policy.block()], total(policy, weight_left));
    store(policy, id_at(policy, sums, place + 1, weight_left));
  }

 private:
  template <class Policy>
  ACCRETE_KERNEL void store(Policy& policy, Index id) const {
    policy.phase([&](int thread) {
      if (thread == 0) tokens[policy.block()] = static_cast<TokenId>(id);
    });
  }

  template <class Policy, class F>
  [[nodiscard]] ACCRETE_KERNEL std::uint64_t total(Policy& policy, F const& measure) const {
    PerThread<std::uint64_t, Policy> sum;
    policy.phase([&](int thread) {
      sum[thread] = 0;
      for (Index v = thread; v < vocabulary; v += threads) sum[thread] += measure(v);
    });
    return policy.reduce(sum, Sum{});
  }

  /// Of `bits` bits; `need` is at least 1 and not more than the sum of all measures.
  template <class Policy, class F>
  [[nodiscard]] ACCRETE_KERNEL Found find(Policy& policy, std::uint64_t* sums, int bits,
                                          std::uint64_t need, F const& measured) const {
    PerThread<std::uint64_t, Policy> own_sum;
    std::uint64_t key = 0, here = 0;
    for (int shift = (bits - 1) / digit_bits * digit_bits; shift >= 0; shift -= digit_bits) {
      policy.phase([&](int thread) {
        for (int digit = 0; digit < digits; ++digit) sums[digit * threads + thread] = 0;
        for (Index v = thread; v < vocabulary; v += threads) {
          Measured const token = measured(v);
          if (token.key >> shift >> digit_bits == key)
            sums[static_cast<int>(token.key >> shift & (digits - 1)) * threads + thread] +=
                token.measure;
        }
      });
      int digit = digits;
      do {
        if (digit < digits) need -= here;
        --digit;
        policy.phase([&](int thread) { own_sum[thread] = sums[digit * threads + thread]; });
        here = policy.reduce(own_sum, Sum{});
      } while (here < need && digit > 0);
      key = key << digit_bits | static_cast<std::uint64_t>(digit);
    }
    return {key, need, here};
  }

  /// The first id, counted from 0, up to which the measures reach `need`.
  template <class Policy, class F>
  [[nodiscard]] ACCRETE_KERNEL Index id_at(Policy& policy, std::uint64_t* sums, std::uint64_t need,
                                           F const& measure) const {
    std::uint64_t const last = (std::uint64_t{1} << id_bits) - 1;
    auto const found = find(policy, sums, id_bits, need, [&](Index v) {
      return Measured{last - static_cast<std::uint64_t>(v), measure(v)};
    });
    return static_cast<Index>(last - found.key);
  }

  /// The likeliest tokens of those that are left before, as few as have measures that reach `need`.
  template <class Policy, class F>
  [[nodiscard]] ACCRETE_KERNEL Cut cut_at(Policy& policy, std::uint64_t* sums, T const* own,
                                          Cut before, std::uint64_t need, F const& measure) const {
    auto const found = find(policy, sums, 8 * sizeof(Order), need, [&](Index v) {
      Order const order = order_of(own[v]);
      return Measured{order, before.keeps(order, v) ? measure(order) : 0};
    });
    auto const least = static_cast<Order>(found.key);
    std::uint64_t const each = measure(least);
    if (found.here - found.left < each)  // all of the tokens with this logit are needed
      return {least, least == before.least ? before.last_id : vocabulary};
    return {least, id_at(policy, sums, found.left, [&](Index v) {
              Order const order = order_of(own[v]);
              return order == least && before.keeps(order, v) ? each : 0;
            })};
  }
};

ACCRETE_END_CUDA_NAMESPACE

ACCRETE_BEGIN_NAMESPACE

template <class E>
struct SampleKernel<BasicCudaBackend<E>> {
  using Backend = BasicCudaBackend<E>;

  static void run(Backend const& backend, View<Backend, Element const, 2> logits,
                  View<Backend, double const, 1> uniform, View<Backend, TokenId, 1> tokens,
                  SamplingOptions const& options) {
    Index const vocabulary = logits.size(1);
    bool const greedy = options.temperature == 0;
    int const id_bits =
        std::max(1, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(vocabulary - 1))));
    cuda::launch(backend.context(), "sample_tokens", logits.size(0),
                 cuda::Sample<E>{logits.data(),
                                 uniform.data(),
                                 tokens.data(),
                                 vocabulary,
                                 id_bits,
                                 greedy,
                                 options.top_k,
                                 options.top_p,
                                 {greedy ? 1.0 : options.temperature, vocabulary}});
  }
};

ACCRETE_END_NAMESPACE
