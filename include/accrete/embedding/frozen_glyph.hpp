/// The embedding that accrete is about: the substrate's table of glyph pictures, frozen.
#pragma once

#include <accrete/embedding/frozen_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Each token's row of the substrate's table ("Emergent Semantics Beyond Token Embeddings", Bochkov, arXiv 2507.04886).
/// It has no parameters: its identity is the substrate's fingerprint.
struct FrozenGlyphEmbedding {
  static constexpr bool dockable = true;

  template <HasEmbedding B>
  class Layer : public FrozenTable<B> {
   public:
    Layer(B const& backend, Substrate const& substrate, Index model_dim)
        : FrozenTable<B>(backend, substrate.table(), substrate.vocabulary_size(), substrate.width(),
                         std::make_shared<Substrate const>(substrate)) {
      detail::check_expansion("FrozenGlyphEmbedding", model_dim, substrate.width());
    }
    [[nodiscard]] Json describe() const { return this->describe_as("frozen_glyph"); }
  };
};

ACCRETE_END_NAMESPACE
