/// Batches for measurements.
#pragma once

#include <cstdint>
#include <span>

#include <accrete/core/index.hpp>
#include <accrete/core/random.hpp>
#include <accrete/io/json.hpp>

namespace bench {

/// Random tokens, new ones at each call.
class RandomBatches {
 public:
  using Index = accrete::Index;
  using TokenId = accrete::TokenId;

  RandomBatches(Index vocabulary, Index batch, Index time)
      : vocabulary_(vocabulary), batch_(batch), time_(time) {}
  [[nodiscard]] Index batch() const { return batch_; }
  [[nodiscard]] Index time() const { return time_; }
  void next(std::span<TokenId> inputs, std::span<TokenId> targets) {
    for (auto tokens : {inputs, targets})
      for (TokenId& token : tokens)
        token = static_cast<TokenId>(stream_.uniform(drawn_++) * static_cast<double>(vocabulary_));
  }
  [[nodiscard]] accrete::Json state() const { return accrete::Json(static_cast<Index>(drawn_)); }
  void restore(accrete::Json const& state) { drawn_ = static_cast<std::uint64_t>(state.as_int()); }

 private:
  Index vocabulary_, batch_, time_;
  accrete::RandomStream stream_{1, 1};
  std::uint64_t drawn_ = 0;
};

}  // namespace bench
