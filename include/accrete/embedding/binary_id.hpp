/// The token's id in binary as its embedding: the plainest frozen code.
#pragma once

#include <bit>
#include <vector>

#include <accrete/embedding/frozen_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Component i of token `id` is bit i of `id`, as 0 or 1. The width is the smallest divisor of C that has room for the
/// bits of V - 1, so that rows expand by repetition: 16 for V = 65,536 and C = 1,024.
struct BinaryIdEmbedding {
  static constexpr bool dockable = true;

  [[nodiscard]] static Index width_for(Index vocabulary_size, Index model_dim) {
    auto const greatest_id = static_cast<std::uint64_t>(std::max<Index>(vocabulary_size - 1, 1));
    Index width = static_cast<Index>(std::bit_width(greatest_id));
    while (width < model_dim && model_dim % width != 0) ++width;
    detail::check_expansion("BinaryIdEmbedding", model_dim, width);
    return width;
  }

  template <HasEmbedding B>
  class Layer : public FrozenTable<B> {
   public:
    Layer(B const& backend, Substrate const& substrate, Index model_dim)
        : Layer(backend, substrate.vocabulary_size(),
                width_for(substrate.vocabulary_size(), model_dim)) {}
    [[nodiscard]] Json describe() const { return this->describe_as("binary_id"); }

   private:
    Layer(B const& backend, Index rows, Index width)
        : FrozenTable<B>(backend, bits_of_ids(rows, width), rows, width) {}
  };

 private:
  [[nodiscard]] static std::vector<float> bits_of_ids(Index rows, Index width) {
    std::vector<float> bits;
    bits.reserve(static_cast<std::size_t>(rows * width));
    for (Index id = 0; id < rows; ++id)
      for (Index bit = 0; bit < width; ++bit) bits.push_back(static_cast<float>((id >> bit) & 1));
    return bits;
  }
};

ACCRETE_END_NAMESPACE
