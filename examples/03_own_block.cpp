// A block of one's own: what the Module concept asks for, and nothing else, makes it train, grow, merge, decode and save.
//
// This one mixes each token with the mean of all tokens before it, no attention:  out = x + mix(mean_{s<=t} x[s]).
#include <accrete/accrete.hpp>
#include <cstdio>

namespace mine {

using namespace accrete;

struct MixConfig {
  Index model_dim = 32;
};

class MeanMixer {
 public:
  using Backend = CpuBackend;
  using Config = MixConfig;
  struct Activations {
    View<Backend, Element, 3> means;  // (B,T,C)
  };
  struct Scratch {
    View<Backend, Element, 3> grad_means;  // (B,T,C)
  };
  struct Cache {
    View<Backend, Element, 3> sums;  // (B,T_max,C) of all tokens up to each position, so that it can be rewound
  };

  explicit MeanMixer(MixConfig config = {})
      : config_(config),
        mix_(config.model_dim, config.model_dim, Linear<Backend>::Bias::yes, Initial::residual_output()) {}

  template <class Self>
  static void visit_parameters(Self& self, auto&& visit) {
    visit("mix", self.mix_);
  }
  [[nodiscard]] Json describe() const {
    return Json::object({{"type", "mean_mixer"}, {"model_dim", config_.model_dim}});
  }
  [[nodiscard]] Index model_dim() const { return config_.model_dim; }

  Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const {
    return {workspace.tensor<Element>(batch, time, config_.model_dim)};
  }
  Scratch scratch_for(Workspace<Backend>& workspace, Index batch, Index time) const {
    return {workspace.tensor<Element>(batch, time, config_.model_dim)};
  }
  Cache cache_for(Workspace<Backend>& workspace, Index batch, Index capacity) const {
    return {workspace.tensor<Element>(batch, capacity, config_.model_dim)};
  }

  void forward(Backend const& backend, View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
               Activations& kept, Scratch&) const {
    for (Index b = 0; b < x.size(0); ++b)
      for (Index c = 0; c < x.size(2); ++c) {
        float sum = 0;
        for (Index t = 0; t < x.size(1); ++t) kept.means(b, t, c) = (sum += x(b, t, c)) / static_cast<float>(t + 1);
      }
    mix_.forward(backend, kept.means.rows(), out.rows());
    residual_add<Backend>(backend, x.rows(), out.rows(), out.rows());
  }

  void backward(Backend const& backend, Gradients<Backend> const& gradients, View<Backend, Element const, 3> grad_out,
                View<Backend, Element const, 3>, View<Backend, Element, 3> grad_x, Activations const& kept,
                Scratch& scratch) const {
    mix_.backward(backend, gradients, grad_out.rows(), kept.means.rows(), scratch.grad_means.rows());
    for (Index b = 0; b < grad_x.size(0); ++b)
      for (Index c = 0; c < grad_x.size(2); ++c) {
        float sum = 0;  // over all later tokens, whose means hold this one
        for (Index t = grad_x.size(1) - 1; t >= 0; --t)
          grad_x(b, t, c) = grad_out(b, t, c) + (sum += scratch.grad_means(b, t, c) / static_cast<float>(t + 1));
      }
  }

  void decode_step(Backend const& backend, Cache& cache, View<Backend, Index const, 1> positions,
                   View<Backend, Element const, 3> x, View<Backend, Element, 3> out, Activations& kept,
                   Scratch&) const {
    for (Index b = 0; b < x.size(0); ++b)
      for (Index c = 0; c < x.size(2); ++c) {
        float sum = positions(b) == 0 ? 0 : cache.sums(b, positions(b) - 1, c);
        for (Index t = 0; t < x.size(1); ++t) {
          Index const position = positions(b) + t;
          cache.sums(b, position, c) = sum += x(b, t, c);
          kept.means(b, t, c) = sum / static_cast<float>(position + 1);
        }
      }
    mix_.forward(backend, kept.means.rows(), out.rows());
    residual_add<Backend>(backend, x.rows(), out.rows(), out.rows());
  }

 private:
  MixConfig config_;
  Linear<Backend> mix_;
};
static_assert(Block<MeanMixer>);

}  // namespace mine

int main() {
  using namespace accrete;
  using Model = Decoder<BinaryIdEmbedding, Growable<Stack<mine::MeanMixer>>>;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "abcabcabd ";
  std::vector<TextCorpus> const corpora{{.name = "text", .documents = {text}}};
  auto const vocabulary = build_ngram_vocabulary(corpora, {.size = 400, .max_n = 2});
  auto const substrate =
      Substrate::from_table(vocabulary, std::vector<float>(static_cast<std::size_t>(vocabulary.size()), 1.0F), 1);

  Model model{CpuBackend(), substrate, {.seed = 1, .planned_depth = 2}};
  Batches batches(BpeTokenizer(vocabulary).encode(text), {.batch = 4, .time = 16});
  for (int stage = 0; stage < 2; ++stage) {
    model.body().grow(1);
    auto const result = Trainer{model, AdamW{.learning_rate = 1e-2}, {.steps = 100}}.fit(batches);
    std::printf("%ld blocks of my own: loss %.3f\n", model.body().depth(), result.last_loss);
  }
}
