/// Batches of token windows: seeded, endless, resumable at any point.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/concepts/batch_source.hpp>
#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/data/shuffled_order.hpp>
#include <accrete/data/token_source.hpp>
#include <accrete/io/json.hpp>

ACCRETE_BEGIN_NAMESPACE

struct BatchOptions {
  Index batch{};           // B
  Index time{};            // T
  std::uint64_t seed = 0;  // of the order; each epoch has another
  bool shuffle = true;     // or as they stand in the sources
  TokenId padding = 0;     // the input behind the end of a source
};

/// Cuts each source into windows of T inputs whose targets are the tokens one place later: of N
/// tokens all but the first are a target once. The last window of a source may be shorter: it is
/// filled up with `padding` and targets of -1, which take no part in a loss. No window reaches from
/// one source into the next.
///
/// Windows are handed out in the order of epoch 0, then of epoch 1, and so on, without a break
/// between them. So all there is to remember is how many were handed out; B may change in between.
class Batches {
 public:
  /// ValueError if B or T is not above 0, or if no source has two tokens.
  Batches(std::vector<std::shared_ptr<TokenSource const>> sources, BatchOptions const& options);

  /// Tokens in memory, as one source.
  Batches(std::vector<TokenId> tokens, BatchOptions const& options)
      : Batches({std::make_shared<TokenVector>(std::move(tokens))}, options) {}

  [[nodiscard]] Index batch() const { return options_.batch; }  // B
  [[nodiscard]] Index time() const { return options_.time; }    // T

  /// How many windows an epoch has.
  [[nodiscard]] Index windows() const { return first_windows_.back(); }

  /// How many windows were handed out.
  [[nodiscard]] Index position() const { return position_; }

  /// Whole epochs among them.
  [[nodiscard]] Index epoch() const { return position_ / windows(); }

  /// Fills inputs (B,T) and targets (B,T) with the next B windows. ShapeError for spans of another
  /// size. If a source throws, the batch was not handed out: a second call reads it again.
  void next(std::span<TokenId> inputs, std::span<TokenId> targets);

  /// What restore() needs to go on with the same windows.
  [[nodiscard]] Json state() const;

  /// Goes to where another one was, made with the same T, seed and shuffle of the same sources.
  /// MismatchError if what the state tells of these differs, ValueError for a state that is none;
  /// then nothing has changed.
  void restore(Json const& state);

 private:
  [[nodiscard]] Json description() const;
  void read_window(Index position, std::span<TokenId> inputs, std::span<TokenId> targets);

  std::vector<std::shared_ptr<TokenSource const>> sources_;
  BatchOptions options_;
  std::vector<Index> first_windows_;  // of each source, then the number of all
  std::vector<TokenId> tokens_;       // (T+1) of one window
  Index position_ = 0;
};

static_assert(BatchSource<Batches>);

// -------------------------------------------------------------------------------------------------

inline Batches::Batches(std::vector<std::shared_ptr<TokenSource const>> sources,
                        BatchOptions const& options)
    : sources_(std::move(sources)), options_(options) {
  constexpr Index most = Index{1} << 31;
  if (batch() < 1 || batch() > most || time() < 1 || time() > most) {
    throw ValueError(
        message("batches: expected batch and time from 1 to 2^31, got ", batch(), " and ", time()));
  }
  first_windows_.push_back(0);
  for (auto const& source : sources_) {
    Index const targets = std::max(source->size() - 1, Index{0});
    first_windows_.push_back(first_windows_.back() + targets / time() +
                             (targets % time() != 0 ? 1 : 0));
  }
  if (windows() == 0)
    throw ValueError("batches: expected a source of at least two tokens, got none");
  tokens_.resize(static_cast<std::size_t>(time() + 1));
}

inline void Batches::next(std::span<TokenId> inputs, std::span<TokenId> targets) {
  auto const time = static_cast<std::size_t>(options_.time);
  auto const batch = static_cast<std::size_t>(options_.batch);
  if (inputs.size() != batch * time || targets.size() != batch * time) {
    throw ShapeError(message("batches: expected inputs and targets of ", batch, " x ", time,
                             ", got ", inputs.size(), " and ", targets.size(), " places"));
  }
  for (std::size_t b = 0; b < batch; ++b) {
    read_window(position_ + static_cast<Index>(b), inputs.subspan(b * time, time),
                targets.subspan(b * time, time));
  }
  position_ += options_.batch;
}

inline void Batches::read_window(Index position, std::span<TokenId> inputs,
                                 std::span<TokenId> targets) {
  Index window = position % windows();
  if (options_.shuffle) {
    auto const epoch = static_cast<std::uint64_t>(position / windows());
    window = ShuffledOrder(windows(), options_.seed, epoch)[window];
  }
  auto const behind = std::upper_bound(first_windows_.begin(), first_windows_.end(), window);
  auto const index = static_cast<std::size_t>(behind - first_windows_.begin() - 1);
  TokenSource const& source = *sources_[index];
  Index const begin = (window - first_windows_[index]) * time();
  auto const count = static_cast<std::size_t>(std::min(time() + 1, source.size() - begin));
  source.read(begin, std::span(tokens_).first(count));

  std::copy_n(tokens_.begin(), count - 1, inputs.begin());
  std::fill(inputs.begin() + static_cast<std::ptrdiff_t>(count - 1), inputs.end(),
            options_.padding);
  std::copy_n(tokens_.begin() + 1, count - 1, targets.begin());
  std::fill(targets.begin() + static_cast<std::ptrdiff_t>(count - 1), targets.end(),
            ignored_target);
}

inline Json Batches::description() const {
  Json sizes = Json::array();
  for (auto const& source : sources_) sizes.push_back(source->size());
  return Json::object({{"time", time()},
                       {"seed", std::to_string(options_.seed)},  // may not fit into a signed number
                       {"shuffle", options_.shuffle},
                       {"sources", std::move(sizes)}});
}

inline Json Batches::state() const {
  Json state = description();
  state["position"] = position_;
  return state;
}

inline void Batches::restore(Json const& state) {
  Json const mine = description();
  for (auto const& [key, value] : mine.as_object()) {
    Json const& theirs = state.at(key);
    if (theirs != value) {
      throw MismatchError(message("batches: the state was saved with ", key, " ", theirs.dump(),
                                  ", not ", value.dump()));
    }
  }
  std::int64_t const position = state.at("position").as_int();
  if (position < 0 || position > std::int64_t{1} << 62) {
    throw ValueError(message("batches: expected a position from 0 to 2^62, got ", position));
  }
  position_ = position;
}

ACCRETE_END_NAMESPACE
