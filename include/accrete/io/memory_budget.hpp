/// How much memory a reader may take for a text that a stranger may have written.
#pragma once

#include <cstdint>
#include <limits>

#include <accrete/core/macros.hpp>

ACCRETE_BEGIN_NAMESPACE

/// base + per_byte * n bytes for a text of n bytes, from which a reader spends before it allocates. What it frees again
/// stays spent, for an allocator may keep it. Together with the text itself, what an allocator wastes and the pages of
/// the program that reads, the default is 16 MiB + 4 n.
class MemoryBudget {
 public:
  static constexpr std::uint64_t default_base = std::uint64_t{12} << 20;
  static constexpr std::uint64_t default_per_byte = 3;

  explicit constexpr MemoryBudget(std::uint64_t text_bytes, std::uint64_t base = default_base,
                                  std::uint64_t per_byte = default_per_byte)
      : left_(base + per_byte * text_bytes) {}

  /// For what comes from nobody else.
  [[nodiscard]] static constexpr MemoryBudget unlimited() {
    return MemoryBudget(0, std::numeric_limits<std::uint64_t>::max());
  }

  /// False, and nothing is spent, if less is left.
  [[nodiscard]] constexpr bool spend(std::uint64_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }

 private:
  std::uint64_t left_;
};

ACCRETE_END_NAMESPACE
