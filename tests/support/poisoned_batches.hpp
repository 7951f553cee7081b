/// Batches some of which make a step that must not be taken.
#pragma once

#include <algorithm>
#include <limits>
#include <set>
#include <span>
#include <string>

#include "support/models.hpp"

namespace accrete_test {

/// Batches (2,5) of random tokens. While one of the given numbers is at hand, one weight is not finite.
struct PoisonedBatches {
  DoubleModel& model;
  std::set<Index> poisoned;
  double poison = std::numeric_limits<double>::quiet_NaN();
  bool leave_out = false;  // the poisoned ones never come
  Index number = 0;
  double healthy = 0;
  bool is_ill = false;

  static constexpr Index vocabulary = 23;

  /// One block.
  [[nodiscard]] static DoubleModel model_for_it() {
    DoubleModel model{Double{},
                      random_substrate(vocabulary, 8),
                      {.seed = 3,
                       .planned_depth = 1,
                       .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
    model.body().grow(1);
    return model;
  }

  [[nodiscard]] Index batch() const { return 2; }
  [[nodiscard]] Index time() const { return 5; }
  [[nodiscard]] double& weight() {
    double* found = nullptr;
    model.for_each_segment([&](std::string const&, auto& segment) {
      found = &segment.values()(static_cast<Index>(*poisoned.begin()) % segment.values().count());
    });
    return *found;
  }
  void next(std::span<TokenId> ids, std::span<TokenId> targets) {
    while (leave_out && poisoned.contains(number)) ++number;
    if (is_ill) weight() = healthy;
    is_ill = !leave_out && poisoned.contains(number);
    if (is_ill) {
      healthy = weight();
      weight() = poison;
    }
    auto const tokens = random_tokens(20, vocabulary, static_cast<std::uint64_t>(number++));
    std::copy_n(tokens.begin(), 10, ids.begin());
    std::copy_n(tokens.begin() + 10, 10, targets.begin());
  }
  [[nodiscard]] accrete::Json state() const { return accrete::Json(number); }
  void restore(accrete::Json const& state) { number = state.as_int(); }
};

}  // namespace accrete_test
