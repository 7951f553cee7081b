/// Choosing the next token from a row of logits on the host.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <vector>

#include <accrete/ops/sample.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Samples from softmax(logits / temperature), cut to top_k and then top_p: what `sample_tokens` says, for one row. Of
/// equal logits the lower id comes first. Buffers are kept from call to call.
class Sampler {
 public:
  explicit Sampler(SamplingOptions options) : options_(options) { options_.check(); }

  /// The token of a row of V logits: of those that are left the first, in the order of ids, at which their mass exceeds
  /// `uniform` in [0,1) of all of it.
  template <class T>
  [[nodiscard]] TokenId choose(std::span<T const> logits, double uniform) {
    using Logit = std::conditional_t<(sizeof(T) > 4), double, T>;
    using Number = LogitNumber<Logit>;
    if (options_.temperature == 0) return greedy(logits);
    candidates_.clear();
    for (std::size_t v = 0; v < logits.size(); ++v)
      candidates_.push_back({order_of(static_cast<Logit>(logits[v])), static_cast<TokenId>(v)});
    bool const cuts = cut_to_top_k();
    auto const best = *std::min_element(candidates_.begin(), candidates_.end(), likelier);
    TokenWeights<Number> const weights(options_.temperature, static_cast<Index>(logits.size()));
    auto const number = [](std::uint64_t order) {
      return static_cast<Number>(logit_at<Logit>(static_cast<LogitOrder<Logit>>(order)));
    };
    std::uint64_t total = 0;
    for (auto& candidate : candidates_) {
      candidate.weight = weights(
          candidate.order == best.order ? Number{0} : number(best.order) - number(candidate.order));
      total += candidate.weight;
    }
    if (cut_to_top_p(total) || cuts)
      std::sort(candidates_.begin(), candidates_.end(),
                [](Candidate const& a, Candidate const& b) { return a.id < b.id; });
    std::uint64_t place = place_of(uniform, total);
    auto chosen = candidates_.begin();
    for (; place >= chosen->weight; ++chosen) place -= chosen->weight;
    return chosen->id;
  }

 private:
  struct Candidate {
    std::uint64_t order;  // of its logit
    TokenId id;
    std::uint64_t weight = 0;
  };
  static bool likelier(Candidate const& a, Candidate const& b) {
    return a.order != b.order ? a.order > b.order : a.id < b.id;
  }

  template <class T>
  [[nodiscard]] static TokenId greedy(std::span<T const> logits) {
    auto const less = [](T const& a, T const& b) { return order_of(a) < order_of(b); };
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end(), less) -
                                logits.begin());
  }

  /// Whether anything was cut away.
  bool cut_to_top_k() {
    auto const k = static_cast<std::size_t>(options_.top_k);
    if (k == 0 || k >= candidates_.size()) return false;
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(k - 1),
                     candidates_.end(), likelier);
    candidates_.resize(k);
    return true;
  }

  /// Leaves the mass that is left in `total`.
  bool cut_to_top_p(std::uint64_t& total) {
    if (options_.top_p >= 1) return false;
    std::sort(candidates_.begin(), candidates_.end(), likelier);
    std::uint64_t const enough = mass_of(options_.top_p, total);
    std::size_t kept = 0;
    for (total = 0; total < enough; ++kept) total += candidates_[kept].weight;
    candidates_.resize(kept);
    return true;
  }

  SamplingOptions options_;
  std::vector<Candidate> candidates_;
};

ACCRETE_END_NAMESPACE
