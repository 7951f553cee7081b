/// The usual trainable token embedding, for comparison.
#pragma once

#include <accrete/embedding/embedding_policy.hpp>

ACCRETE_BEGIN_NAMESPACE

/// A table (V,C) that starts normal with deviation 0.02 and trains until blocks are grown above it. Experts trained
/// apart do not share it, so they do not dock.
struct LearnedEmbedding {
  static constexpr bool dockable = false;

  template <HasEmbedding B>
  class Layer {
   public:
    using Backend = B;

    Layer(Backend const&, Substrate const& substrate, Index model_dim)
        : table_({substrate.vocabulary_size(), model_dim}, Initial::normal()) {}

    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("table", self.table_);
    }
    [[nodiscard]] Json describe() const {
      Json json = Json::object();
      json["type"] = Json("learned");
      json["width"] = Json(table_.sizes()[1]);
      return json;
    }
    void forward(Backend const& backend, View<Backend, TokenId const, 2> ids,
                 View<Backend, Element, 3> out) const {
      embedding_forward(backend, ids.template reshape<1>({ids.count()}), table_.view(), out.rows());
    }
    void backward(Backend const& backend, Gradients<Backend> const& gradients,
                  View<Backend, TokenId const, 2> ids,
                  View<Backend, Element const, 3> grad_out) const {
      auto const grad_table = gradients.of(table_);
      if (!grad_table.empty())
        embedding_backward(backend, ids.template reshape<1>({ids.count()}), grad_out.rows(),
                           grad_table);
    }

   private:
    Parameter<Backend, 2> table_;  // (V,C)
  };
};

ACCRETE_END_NAMESPACE
