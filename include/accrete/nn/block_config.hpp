/// The sizes of a block: a value that can be read aloud. Each is a number or `dynamic`, which the constructor then needs.
#pragma once

#include <string>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A size that is known at run time only.
inline constexpr Index dynamic = -1;

struct BlockConfig {
  Index model_dim{};                                                                 // C
  Index head_count{};                                                                // H
  Index hidden_dim{};                                                                // F
  [[nodiscard]] constexpr Index head_dim() const { return model_dim / head_count; }  // D
  friend constexpr bool operator==(BlockConfig const&, BlockConfig const&) = default;
};

/// All sizes at run time: for programs that read them from a file.
inline constexpr BlockConfig dynamic_block{
    .model_dim = dynamic, .head_count = dynamic, .hidden_dim = dynamic};

namespace detail {
constexpr bool size_is_valid(Index size) {
  return size > 0 || size == dynamic;
}
constexpr bool divides(Index divisor, Index size) {
  return divisor == dynamic || size == dynamic || size % divisor == 0;
}
}  // namespace detail

template <BlockConfig Config>
concept AllSizesPositive = detail::size_is_valid(Config.model_dim) && detail::size_is_valid(
    Config.head_count) && detail::size_is_valid(Config.hidden_dim);

/// A whole number of channels must fall to each head: D = C / H.
template <BlockConfig Config>
concept HeadCountDividesModelDim = detail::divides(Config.head_count, Config.model_dim);

template <BlockConfig Config>
concept ValidBlockConfig = AllSizesPositive<Config> && HeadCountDividesModelDim<Config>;

/// The sizes that a block of type `in_type` takes when it is built with `given`: a static size may be left at 0 in
/// `given` or repeated; a dynamic one must be there. Throws a ShapeError with the concepts' names.
[[nodiscard]] inline BlockConfig resolve(BlockConfig in_type, BlockConfig given) {
  auto const one = [](char const* name, Index fixed, Index asked) {
    if (fixed == dynamic && asked <= 0)
      throw ShapeError(message("AllSizesPositive: ", name,
                               " is dynamic in the block's type: expected a positive number, got ",
                               asked));
    if (fixed != dynamic && asked != 0 && asked != fixed)
      throw ShapeError(
          message("block config: ", name, " is ", fixed, " in the block's type, got ", asked));
    return fixed == dynamic ? asked : fixed;
  };
  BlockConfig const config{
      .model_dim = one("model_dim", in_type.model_dim, given.model_dim),
      .head_count = one("head_count", in_type.head_count, given.head_count),
      .hidden_dim = one("hidden_dim", in_type.hidden_dim, given.hidden_dim),
  };
  if (config.model_dim % config.head_count != 0)
    throw ShapeError(message("HeadCountDividesModelDim: model_dim ", config.model_dim,
                             " is no multiple of head_count ", config.head_count));
  return config;
}

ACCRETE_END_NAMESPACE
