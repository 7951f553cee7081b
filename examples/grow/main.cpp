// accrete-grow: grows decoders by plans. The network is that of the papers; which embedding it stands on is the plan's.
#include <accrete/accrete.hpp>

#include "../programs/grow_program.hpp"

namespace {

using accrete::EmbeddingKind;
using accrete::GrowthPlan;
using Backend = accrete::CpuBackend;

template <class... Policies>
using Block = accrete::TransformerBlock<accrete::dynamic_block, Backend, Policies...>;
template <class Embedding>
using Model = accrete::Decoder<Embedding, accrete::Growable<accrete::Stack<Block<>>>>;

template <class Norm, class Activation>
accrete::PartCounts count_with(GrowthPlan const& plan) {
  using Head = typename accrete::LinearHead<Norm>::template Layer<Backend>;
  return accrete::count_parts<Block<Norm, Activation>, Head>(plan);
}

accrete::PartCounts count(GrowthPlan const& plan) {
  bool const layer_norm = plan.model.norm == accrete::NormKind::layer_norm;
  if (plan.model.activation == accrete::ActivationKind::gelu)
    return layer_norm ? count_with<accrete::LayerNorm, accrete::Gelu>(plan)
                      : count_with<accrete::RmsNorm, accrete::Gelu>(plan);
  return layer_norm ? count_with<accrete::LayerNorm, accrete::Swiglu>(plan)
                    : count_with<accrete::RmsNorm, accrete::Swiglu>(plan);
}

/// Calls `start` with the type of model for the plan. Each further one costs seconds of compiling; a program of one's own
/// is made by accrete_add_programs.
void train(GrowthPlan const& plan, auto start) {
  auto const& model = plan.model;
  auto const refuse = [](auto const&... what) {
    throw accrete::ValueError(accrete::message(
        what..., "; accrete_add_programs makes a program for a model of your own"));
  };
  if (model.norm != accrete::NormKind::layer_norm ||
      model.activation != accrete::ActivationKind::gelu)
    return refuse("model.block: this program trains blocks of layer_norm and gelu");
  auto const of_width = [&](accrete::Index width) { return model.embedding.width == width; };
  switch (model.embedding.kind) {
    case EmbeddingKind::frozen_glyph:
      return start.template operator()<Model<accrete::FrozenGlyphEmbedding>>();
    case EmbeddingKind::binary_id:
      return start.template operator()<Model<accrete::BinaryIdEmbedding>>();
    case EmbeddingKind::learned:
      return start.template operator()<Model<accrete::LearnedEmbedding>>();
    case EmbeddingKind::random_code:
      if (of_width(64)) return start.template operator()<Model<accrete::RandomCodeEmbedding<64>>>();
      return refuse("model.embedding.width: this program has random codes of 64 bits");
    default:
      return refuse("model.embedding.kind: this program has no ",
                    accrete::embedding_kind_names.name_of(model.embedding.kind), " embedding");
  }
}

}  // namespace

int main(int argument_count, char** arguments) {
  return grow_program::main_of("accrete-grow", argument_count, arguments, count,
                               [](GrowthPlan const& plan, auto start) { train(plan, start); });
}
