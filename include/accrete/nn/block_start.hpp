/// How the blocks that growth adds start, and where they stand.
#pragma once

#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/index.hpp>
#include <accrete/core/name_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// With d blocks standing and k new ones, places counted from 0 at the embedding:
///
///   random       on top, drawn anew, each parameter from the stream of its own name
///   zero_output  on top, drawn anew but for the parameters that start as Initial::residual_output, which are zero:
///                each new block adds nothing to its input, and the logits keep their bits until the first step. (The
///                zero outputs of "LLaMA Pro", Wu et al., arXiv 2401.02415, on blocks that are new, not copied.)
///   copy_top     on top, new block i a copy of block d - k + i; k <= d. ("Gradual stacking", Reddi et al., ICML 2023.)
///   copy_stack   on top, new block i a copy of block i mod d; k is a multiple of d, and k = d doubles the stack.
///                ("Progressively stacking", Gong et al., ICML 2019.)
///   middle       above block s + k - 1, copies of blocks s to s + k - 1 with s = (d - k) / 2 rounded down; k <= d.
///                ("MIDAS", Saunshi et al., arXiv 2409.19044.) Frozen blocks above the new ones pass gradients on: they
///                keep activations and cost a backward pass, as below adapters.
enum class BlockStart { random, zero_output, copy_top, copy_stack, middle };

inline constexpr NameTable<BlockStart, 5> block_start_names{
    {{{BlockStart::random, "random"},
      {BlockStart::zero_output, "zero_output"},
      {BlockStart::copy_top, "copy_top"},
      {BlockStart::copy_stack, "copy_stack"},
      {BlockStart::middle, "middle"}}}};

[[nodiscard]] constexpr bool copies_blocks(BlockStart start) {
  return start != BlockStart::random && start != BlockStart::zero_output;
}

struct BlockPlacement {
  Index position = 0;  ///< of the lowest new block
  std::vector<Index>
      sources;  ///< the place of what each new block copies; empty where nothing is copied
};

/// Where `count` blocks go in a stack of `depth`. Throws ValueError where the start cannot be.
[[nodiscard]] inline BlockPlacement place_blocks(BlockStart start, Index depth, Index count) {
  auto const refuse = [&](auto const&... reason) {
    throw ValueError(
        message("blocks cannot start as ", block_start_names.name_of(start), ": ", reason...));
  };
  if (count < 1)
    throw ValueError(
        message("stack: the number of blocks to add: expected at least 1, got ", count));
  BlockPlacement placement{.position = depth, .sources = {}};
  if (!copies_blocks(start)) return placement;
  if (depth == 0) refuse("there is no block yet that could be copied");
  if (start == BlockStart::copy_stack && count % depth != 0)
    refuse("expected a multiple of the ", depth, " blocks that stand, got ", count);
  if (start != BlockStart::copy_stack && count > depth)
    refuse("expected at most as many blocks as stand, ", depth, ", got ", count);
  Index const first = start == BlockStart::copy_top ? depth - count
                      : start == BlockStart::middle ? (depth - count) / 2
                                                    : 0;
  if (start == BlockStart::middle) placement.position = first + count;
  for (Index i = 0; i < count; ++i) placement.sources.push_back((first + i) % depth);
  return placement;
}

ACCRETE_END_NAMESPACE
