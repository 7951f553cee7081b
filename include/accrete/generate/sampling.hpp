/// Choosing the next token from a row of logits.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
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

/// Samples from softmax(logits / temperature), cut to top_k and then top_p. Of equal logits the lower id comes first.
/// Buffers are kept from call to call.
class Sampler {
 public:
  explicit Sampler(SamplingOptions options) : options_(options) { options_.check(); }

  /// The token of a row of V logits; `uniform` in [0,1) decides among those that are left.
  template <class T>
  [[nodiscard]] TokenId choose(std::span<T const> logits, double uniform) {
    if (options_.temperature == 0) return greedy(logits);
    candidates_.clear();
    for (std::size_t v = 0; v < logits.size(); ++v)
      candidates_.push_back({static_cast<double>(logits[v]), static_cast<TokenId>(v)});
    cut_to_top_k();
    double const greatest =
        std::max_element(candidates_.begin(), candidates_.end(), less_likely)->logit;
    double total = 0;
    for (auto& candidate : candidates_) {
      candidate.weight = std::exp((candidate.logit - greatest) / options_.temperature);
      total += candidate.weight;
    }
    total = cut_to_top_p(total);
    double rest = uniform * total;
    for (auto const& candidate : candidates_) {
      rest -= candidate.weight;
      if (rest < 0) return candidate.id;
    }
    return candidates_.back().id;
  }

 private:
  struct Candidate {
    double logit;
    TokenId id;
    double weight = 0;
  };
  static bool likelier(Candidate const& a, Candidate const& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  }
  static bool less_likely(Candidate const& a, Candidate const& b) { return likelier(b, a); }

  template <class T>
  [[nodiscard]] static TokenId greedy(std::span<T const> logits) {
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }

  void cut_to_top_k() {
    auto const k = static_cast<std::size_t>(options_.top_k);
    if (k == 0 || k >= candidates_.size()) return;
    std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(k - 1),
                     candidates_.end(), likelier);
    candidates_.resize(k);
  }

  /// Returns the mass that is left.
  double cut_to_top_p(double total) {
    if (options_.top_p >= 1) return total;
    std::sort(candidates_.begin(), candidates_.end(), likelier);
    double mass = 0;
    std::size_t kept = 0;
    while (kept < candidates_.size() && mass < options_.top_p * total)
      mass += candidates_[kept++].weight;
    candidates_.resize(std::max<std::size_t>(kept, 1));
    return mass;
  }

  SamplingOptions options_;
  std::vector<Candidate> candidates_;
};

ACCRETE_END_NAMESPACE
