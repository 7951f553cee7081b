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
  class Layer {
   public:
    using Backend = B;

    Layer(Backend const& backend, Substrate const& substrate, Index model_dim)
        : table_(make_table(backend, substrate.vocabulary_size(),
                            width_for(substrate.vocabulary_size(), model_dim))) {}

    template <class Self>
    static void visit_parameters(Self&, auto&&) {}
    [[nodiscard]] Json describe() const {
      Json json = Json::object();
      json["type"] = Json("binary_id");
      json["width"] = Json(table_.width());
      return json;
    }
    void forward(Backend const& backend, View<Backend, TokenId const, 2> ids,
                 View<Backend, Element, 3> out) const {
      table_.forward(backend, ids, out);
    }
    void backward(Backend const&, Gradients<Backend> const&, View<Backend, TokenId const, 2>,
                  View<Backend, Element const, 3>) const {}

   private:
    static FrozenTable<Backend> make_table(Backend const& backend, Index rows, Index width) {
      auto const bits = std::make_shared<std::vector<float>>();
      bits->reserve(static_cast<std::size_t>(rows * width));
      for (Index id = 0; id < rows; ++id)
        for (Index bit = 0; bit < width; ++bit)
          bits->push_back(static_cast<float>((id >> bit) & 1));
      return {backend, std::span<float const>(*bits), rows, width, bits};
    }

    FrozenTable<Backend> table_;
  };
};

ACCRETE_END_NAMESPACE
