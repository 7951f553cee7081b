/// The embedding that accrete is about: the substrate's table of glyph pictures, frozen.
#pragma once

#include <accrete/embedding/frozen_table.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Each token's row of the substrate's table ("Emergent Semantics Beyond Token Embeddings", Bochkov, arXiv 2507.04886).
/// It has no parameters: its identity is the substrate's fingerprint.
struct FrozenGlyphEmbedding {
  static constexpr bool dockable = true;

  template <HasEmbedding B>
  class Layer {
   public:
    using Backend = B;

    Layer(Backend const& backend, Substrate const& substrate, Index model_dim)
        : table_(backend, substrate.table(), substrate.vocabulary_size(), substrate.width(),
                 std::make_shared<Substrate const>(substrate)) {
      detail::check_expansion("FrozenGlyphEmbedding", model_dim, substrate.width());
    }

    template <class Self>
    static void visit_parameters(Self&, auto&&) {}
    [[nodiscard]] Json describe() const {
      Json json = Json::object();
      json["type"] = Json("frozen_glyph");
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
    FrozenTable<Backend> table_;
  };
};

ACCRETE_END_NAMESPACE
