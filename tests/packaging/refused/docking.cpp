// What can never dock does not compile, unless it is called a control experiment.
#include <accrete/accrete.hpp>

using namespace accrete;
using Blocks = Stack<TransformerBlock<dynamic_block, CpuBackend>>;
using Frozen = Decoder<FrozenGlyphEmbedding, Blocks>;
using Binary = Decoder<BinaryIdEmbedding, Blocks>;
using Learned = Decoder<LearnedEmbedding, Blocks>;

using Merged = Ensemble<Frozen, Frozen>;
using LearnedApart = Ensemble<Learned, Learned>;  // refused: OneDockableEmbedding
using TwoKinds = Ensemble<Frozen, Binary>;        // refused: OneDockableEmbedding
using Control = Ensemble<SameVocabulary, Learned, Frozen>;

void transplant(Learned const& donor, Learned& receiver) {
  transplant_head(donor, receiver);  // refused: OneDockableEmbedding
  transplant_head(SameVocabulary{}, donor, receiver);
}
