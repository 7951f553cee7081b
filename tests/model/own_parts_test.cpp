// A user's own block, norm, activation, embedding and head, made outside of accrete:: by the concepts alone: they train,
// grow, merge, decode, save and reload like the library's own.
#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/finite_differences.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

namespace mine {

using accrete::Element;
using accrete::Gradients;
using accrete::Index;
using accrete::Initial;
using accrete::Json;
using accrete::Linear;
using accrete::Master;
using accrete::Parameter;
using accrete::TokenId;
using accrete::TypeOf;
using accrete::View;
using accrete::Workspace;

/// out = x * weight, a norm that does not normalise.
struct ScaleNorm {
  using Role = accrete::NormRole;

  template <accrete::HostBackend B>
  class Layer {
   public:
    using Backend = B;
    struct Activations {};
    struct Scratch {};

    explicit Layer(Index channels) : weight_({channels}, Initial::ones()) {}
    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("scale", self.weight_);
    }
    [[nodiscard]] Json describe() const { return Json("my_scale"); }
    Activations activations_for(Workspace<Backend>&, Index, Index) const { return {}; }
    Scratch scratch_for(Workspace<Backend>&, Index, Index) const { return {}; }

    void forward(Backend const&, View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                 Activations&, Scratch&) const {
      for (Index i = 0; i < x.count(); ++i)
        out.data()[i] = x.data()[i] * weight_.view()(i % weight_.count());
    }
    void backward(Backend const&, Gradients<Backend> const& gradients,
                  View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                  View<Backend, Element, 3> grad_x, Activations const&, Scratch&) const {
      auto const grad_weight = gradients.of(weight_);
      for (Index i = 0; i < x.count(); ++i) {
        Index const c = i % weight_.count();
        if (!grad_weight.empty()) grad_weight(c) += grad_out.data()[i] * x.data()[i];
        grad_x.data()[i] = grad_out.data()[i] * weight_.view()(c);
      }
    }

   private:
    Parameter<Backend, 1> weight_;  // (C)
  };
};

/// x^2
struct Square {
  using Role = accrete::ActivationRole;
  static constexpr Index input_factor = 1;
  static constexpr char const* name = "my_square";

  template <class Backend>
  static void forward(Backend const&, View<Backend, Element const, 2> x,
                      View<Backend, Element, 2> out) {
    for (Index i = 0; i < x.count(); ++i) out.data()[i] = x.data()[i] * x.data()[i];
  }
  template <class Backend>
  static void backward(Backend const&, View<Backend, Element const, 2> grad_out,
                       View<Backend, Element const, 2> x, View<Backend, Element, 2> grad_x) {
    for (Index i = 0; i < x.count(); ++i) grad_x.data()[i] = 2 * x.data()[i] * grad_out.data()[i];
  }
};

/// out[t] = x[t] + mix(x[t - 1]): each token hears the one before it.
template <accrete::HostBackend B>
class Whisper {
 public:
  using Backend = B;
  struct Config {
    Index model_dim = 16;
  };
  struct Activations {
    View<Backend, Element, 3> before;  // (B,T,C)
  };
  struct Scratch {
    View<Backend, Element, 3> grad_before;  // (B,T,C)
  };
  struct Cache {
    View<Backend, Element, 3> tokens;  // (B,T_max,C)
  };

  explicit Whisper(Config config = {})
      : width_(config.model_dim),
        mix_(width_, width_, Linear<Backend>::Bias::yes, Initial::residual_output()) {}

  template <class Self>
  static void visit_parameters(Self& self, auto&& visit) {
    visit("mix", self.mix_);
  }
  [[nodiscard]] Json describe() const {
    return Json::object({{"type", "my_whisper"}, {"model_dim", width_}});
  }
  [[nodiscard]] Index model_dim() const { return width_; }
  Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const {
    return {workspace.template tensor<Element>(batch, time, width_)};
  }
  Scratch scratch_for(Workspace<Backend>& workspace, Index batch, Index time) const {
    return {workspace.template tensor<Element>(batch, time, width_)};
  }
  Cache cache_for(Workspace<Backend>& workspace, Index batch, Index capacity) const {
    return {workspace.template tensor<Element>(batch, capacity, width_)};
  }

  void forward(Backend const& backend, View<Backend, Element const, 3> x,
               View<Backend, Element, 3> out, Activations& kept, Scratch&) const {
    for_each(
        x, [&](Index b, Index t, Index c) { kept.before(b, t, c) = t == 0 ? 0 : x(b, t - 1, c); });
    add_mix(backend, x, out, kept);
  }
  void backward(Backend const& backend, Gradients<Backend> const& gradients,
                View<Backend, Element const, 3> grad_out, View<Backend, Element const, 3> x,
                View<Backend, Element, 3> grad_x, Activations const& kept, Scratch& scratch) const {
    mix_.backward(backend, gradients, grad_out.rows(), kept.before.rows(),
                  scratch.grad_before.rows());
    Index const last = x.size(1) - 1;
    for_each(x, [&](Index b, Index t, Index c) {
      grad_x(b, t, c) = grad_out(b, t, c) + (t == last ? 0 : scratch.grad_before(b, t + 1, c));
    });
  }
  void decode_step(Backend const& backend, Cache& cache, View<Backend, Index const, 1> positions,
                   View<Backend, Element const, 3> x, View<Backend, Element, 3> out,
                   Activations& kept, Scratch&) const {
    for_each(x, [&](Index b, Index t, Index c) {
      Index const position = positions(b) + t;
      cache.tokens(b, position, c) = x(b, t, c);
      kept.before(b, t, c) = position == 0 ? 0 : cache.tokens(b, position - 1, c);
    });
    add_mix(backend, x, out, kept);
  }

 private:
  template <class F>
  static void for_each(View<Backend, Element const, 3> x, F&& f) {
    for (Index b = 0; b < x.size(0); ++b)
      for (Index t = 0; t < x.size(1); ++t)
        for (Index c = 0; c < x.size(2); ++c) f(b, t, c);
  }
  void add_mix(Backend const& backend, View<Backend, Element const, 3> x,
               View<Backend, Element, 3> out, Activations const& kept) const {
    mix_.forward(backend, kept.before.rows(), out.rows());
    for (Index i = 0; i < x.count(); ++i) out.data()[i] += x.data()[i];
  }

  Index width_;
  Linear<Backend> mix_;
};

/// The substrate's row, reversed and repeated: frozen, so experts on it dock.
struct MirrorEmbedding {
  static constexpr bool dockable = true;

  template <accrete::HostBackend B>
  class Layer {
   public:
    using Backend = B;
    Layer(Backend const&, accrete::Substrate const& substrate, Index) : substrate_(substrate) {}
    template <class Self>
    static void visit_parameters(Self&, auto&&) {}
    [[nodiscard]] Json describe() const { return Json("my_mirror"); }
    void forward(Backend const&, View<Backend, TokenId const, 2> ids,
                 View<Backend, Element, 3> out) const {
      Index const width = substrate_.width(), channels = out.size(2);
      for (Index n = 0; n < ids.count(); ++n)
        for (Index c = 0; c < channels; ++c)
          out.data()[n * channels + c] = static_cast<TypeOf<Backend, Element>>(
              substrate_.row(ids.data()[n])[static_cast<std::size_t>(width - 1 - c % width)]);
    }
    void backward(Backend const&, Gradients<Backend> const&, View<Backend, TokenId const, 2>,
                  View<Backend, Element const, 3>) const {}

   private:
    accrete::Substrate substrate_;
  };
};

/// A classifier right on the body's output, without norm and bias.
struct BareHead {
  template <accrete::HasClassifier B>
  class Layer {
   public:
    using Backend = B;
    struct Activations {
      View<Backend, Element, 3> hidden;  // (B,T,C)
    };
    struct Scratch {
      View<Backend, Element, 3> grad_hidden;  // (B,T,C)
    };

    Layer(Index model_dim, Index vocabulary_size)
        : width_(model_dim), linear_(model_dim, vocabulary_size, Linear<Backend>::Bias::no) {}
    template <class Self>
    static void visit_parameters(Self& self, auto&& visit) {
      visit("words", self.linear_);
    }
    [[nodiscard]] Json describe() const { return Json("my_bare_head"); }
    Activations activations_for(Workspace<Backend>& workspace, Index batch, Index time) const {
      return {workspace.template tensor<Element>(batch, time, width_)};
    }
    Scratch scratch_for(Workspace<Backend>& workspace, Index batch, Index time) const {
      return {workspace.template tensor<Element>(batch, time, width_)};
    }
    void forward(Backend const&, View<Backend, Element const, 3> x, Activations& kept,
                 Scratch&) const {
      std::copy_n(x.data(), x.count(), kept.hidden.data());
    }
    [[nodiscard]] accrete::ClassifierTerm<Backend> term(Activations const& kept) const {
      return {.hidden = kept.hidden.rows(), .weight = linear_.weight(), .bias = {}};
    }
    [[nodiscard]] accrete::ClassifierTermGradient<Backend> term_gradient(
        Gradients<Backend> const& gradients, Scratch const& scratch) const {
      return {.hidden = scratch.grad_hidden.rows(),
              .weight = linear_.grad_weight(gradients),
              .bias = {}};
    }
    void backward(Backend const&, Gradients<Backend> const&, View<Backend, Element const, 3>,
                  View<Backend, Element, 3> grad_x, Activations const&, Scratch& scratch) const {
      std::copy_n(scratch.grad_hidden.data(), grad_x.count(), grad_x.data());
    }

   private:
    Index width_;
    Linear<Backend> linear_;
  };
};

/// The library's block with two parts of mine.
template <class Backend>
using MixedBlock = accrete::TransformerBlock<accrete::dynamic_block, Backend, Square, ScaleNorm>;

template <class Backend>
using Model = accrete::Decoder<MirrorEmbedding, accrete::Growable<accrete::Stack<Whisper<Backend>>>,
                               BareHead>;
template <class Backend>
using MixedModel =
    accrete::Decoder<MirrorEmbedding, accrete::Growable<accrete::Stack<MixedBlock<Backend>>>,
                     accrete::LinearHead<ScaleNorm>>;

}  // namespace mine

// Parts that lack something, each refused by the concept whose name says what.
namespace incomplete {

using namespace accrete;
using accrete_test::Double;

struct NoDecodeStep : mine::Whisper<Double> {
  using mine::Whisper<Double>::Whisper;
  void decode_step() = delete;  // hides the one that it inherits
};
struct NoDescription : mine::Whisper<Double> {
  using mine::Whisper<Double>::Whisper;
  void describe() = delete;
};
struct NoParameters : mine::Whisper<Double> {
  using mine::Whisper<Double>::Whisper;
  void visit_parameters() = delete;
};
struct NoScratch : mine::Whisper<Double> {
  using mine::Whisper<Double>::Whisper;
  void scratch_for() = delete;
};
struct NoBackward : mine::Whisper<Double> {
  using mine::Whisper<Double>::Whisper;
  void backward() = delete;
};
struct NoWidth : mine::Whisper<Double> {
  using mine::Whisper<Double>::Whisper;
  void model_dim() = delete;
};
struct NoConfig : mine::Whisper<Double> {
  struct Config {
    explicit Config(Index width);  // none by default
  };
};
static_assert(Block<mine::Whisper<Double>>);
static_assert(Module<NoDecodeStep> && !Decodes<NoDecodeStep> && !Block<NoDecodeStep>);
static_assert(!DescribesItsArchitecture<NoDescription> && !Module<NoDescription>);
static_assert(!VisitsParameters<NoParameters> && !Module<NoParameters>);
static_assert(!PlansItsMemory<NoScratch> && !Module<NoScratch>);
static_assert(!MapsHiddenStates<NoBackward> && !Module<NoBackward>);
static_assert(Decodes<NoWidth> && !Block<NoWidth>);
static_assert(!Block<NoConfig>);

template <class BlockType>
concept stack_is_allowed = requires {
  typename Stack<BlockType>;
};
static_assert(stack_is_allowed<mine::Whisper<Double>>);
static_assert(!stack_is_allowed<NoDecodeStep>);
static_assert(!stack_is_allowed<int>);

struct NoRole {
  template <class B>
  using Layer = mine::ScaleNorm::Layer<B>;
};
struct WrongRole : mine::ScaleNorm {
  using Role = ActivationRole;
};
struct NoLayer {
  using Role = NormRole;
};
static_assert(BlockPolicy<mine::ScaleNorm> && NormPolicy<mine::ScaleNorm, Double>);
static_assert(!BlockPolicy<NoRole> && !NormPolicy<NoRole, Double>);
static_assert(BlockPolicy<WrongRole> && !NormPolicy<WrongRole, Double>);
static_assert(!NormPolicy<NoLayer, Double>);

struct NoFactor {
  using Role = ActivationRole;
  static constexpr char const* name = "no_factor";
};
static_assert(ActivationPolicy<mine::Square, Double>);
static_assert(!ActivationPolicy<NoFactor, Double> && !ActivationPolicy<mine::ScaleNorm, Double>);

template <class... Policies>
concept block_is_allowed = requires {
  typename TransformerBlock<dynamic_block, Double, Policies...>;
};
static_assert(block_is_allowed<mine::Square, mine::ScaleNorm> &&
              block_is_allowed<mine::ScaleNorm, mine::Square>);
static_assert(!block_is_allowed<NoRole>);
static_assert(!block_is_allowed<mine::ScaleNorm, RmsNorm>, "two norms contradict each other");

struct NoDockable {
  template <class B>
  using Layer = mine::MirrorEmbedding::Layer<B>;
};
struct NotDockable : mine::MirrorEmbedding {
  static constexpr bool dockable = false;
};
static_assert(EmbeddingPolicy<mine::MirrorEmbedding, Double> &&
              EmbeddingPolicy<NotDockable, Double>);
static_assert(!EmbeddingPolicy<NoDockable, Double>);
static_assert(HeadPolicy<mine::BareHead, Double> && !HeadPolicy<mine::MirrorEmbedding, Double>);

using Body = Growable<Stack<mine::Whisper<Double>>>;
template <class Embedding, class Head>
concept decoder_is_allowed = requires {
  typename Decoder<Embedding, Body, Head>;
};
static_assert(decoder_is_allowed<mine::MirrorEmbedding, mine::BareHead>);
static_assert(!decoder_is_allowed<NoDockable, mine::BareHead>);
static_assert(!decoder_is_allowed<mine::MirrorEmbedding, mine::MirrorEmbedding>);

template <class... Experts>
concept can_merge = requires {
  typename Ensemble<Experts...>;
};
static_assert(can_merge<mine::Model<Double>, mine::MixedModel<Double>>);
static_assert(!can_merge<mine::Model<Double>, accrete_test::GrowingModel<Double>>,
              "another embedding");
static_assert(!can_merge<Decoder<NotDockable, Body>, Decoder<NotDockable, Body>>);

}  // namespace incomplete

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(own_parts)

namespace {

constexpr Index vocabulary = 23;

template <class Model>
Model make(std::uint64_t seed, std::vector<Index> const& stages) {
  typename Model::Options options{.seed = seed, .planned_depth = 2};
  options.block.model_dim = 16;
  if constexpr (requires { options.block.head_count; }) {
    options.block.head_count = 2;
    options.block.hidden_dim = 24;
  }
  Model model{typename Model::Backend{}, random_substrate(vocabulary, 8), options};
  for (Index const blocks : stages) model.body().grow(blocks);
  return model;
}

using DoubleModels = std::tuple<mine::Model<Double>, mine::MixedModel<Double>>;
using CpuModels = std::tuple<mine::Model<Cpu>, mine::MixedModel<Cpu>>;

template <class Model>
double train(Model& model, Index steps) {
  Batches batches(random_tokens(25, vocabulary),
                  {.batch = 4, .time = 6});  // the same four windows each step
  Trainer trainer{model, AdamW{.learning_rate = 1e-2}, {.steps = steps}};
  double const first = trainer.step(batches).loss;
  return first - trainer.fit(batches).last_loss;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(gradients_match_finite_differences, Model, DoubleModels) {
  Model model = make<Model>(1, {2});
  model.for_each_segment([](std::string const&, auto& segment) {
    for (auto const& entry : segment.entries())
      for (Index i = entry.offset; i < entry.offset + entry.count; ++i)
        if (entry.shape.size() == 2)
          segment.values()(i) *= 5;  // differences over tiny numbers are not exact enough
  });
  auto const tokens = random_tokens(8, vocabulary, 2), targets = random_tokens(8, vocabulary, 3);
  auto const ids = batch_view<Double>(tokens, 2), wanted = batch_view<Double>(targets, 2);
  typename Model::Session session(model, {.batch = 2, .time = 4, .training = true});
  LossScratch<Double> scratch(Double{}, 8, vocabulary);
  ActiveSet<Double> active(model);
  static_cast<void>(evaluate_loss_and_gradients(model, session, ids, wanted, scratch,
                                                active.gradients(), 1.0 / 8));
  for (auto const& part : active.segments()) {
    auto const expected = finite_differences(part.segment->values().span(), [&] {
      return evaluate_loss(model, session, ids, wanted, scratch).sum / 8;
    });
    BOOST_TEST(all_close(part.gradient.span(), expected, 1e-7), part.segment->name());
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(model_trains_grows_decodes_and_reloads, Model, CpuModels) {
  Model model = make<Model>(1, {1});
  BOOST_TEST(train(model, 40) > 0);
  auto const before = parameters_of(model);
  auto const frozen = static_cast<std::size_t>(parameter_count(model.body().blocks()[0]));
  model.body().grow(1);
  BOOST_TEST(train(model, 40) > 0);
  auto const after = parameters_of(model);
  BOOST_TEST(same_bits(std::span(after).first(frozen), std::span(before).first(frozen)));

  auto const tokens = random_tokens(6, vocabulary);
  auto const expected = logits_of(model, tokens, 1);
  typename Model::Session session(model, {.batch = 1, .time = 4, .cache = 6});
  model.decode_step(session, {tokens.data(), {1, 4}});
  model.decode_step(session, {tokens.data() + 4, {1, 2}});
  BOOST_TEST(
      all_close(logits_of(model, session), std::span(expected).subspan(4 * vocabulary), 1e-5));

  ScratchFolder const folder;
  CheckpointWriter{model}.save(folder / "mine");
  Model restored = make<Model>(9, {});
  CheckpointReader(folder / "mine").restore(restored);
  BOOST_TEST(same_bits(parameters_of(restored), after));
  BOOST_TEST(same_bits(logits_of(restored, tokens, 1), expected));
}

BOOST_AUTO_TEST_CASE(experts_of_different_own_blocks_merge_train_and_reload) {
  auto const tokens = random_tokens(12, vocabulary);
  auto first = make<mine::Model<Cpu>>(1, {1, 1});
  auto second = make<mine::MixedModel<Cpu>>(2, {1});
  auto const a = logits_of(first, tokens, 2), b = logits_of(second, tokens, 2);
  std::vector<float> mean(a.size());
  for (std::size_t i = 0; i < mean.size(); ++i) mean[i] = (a[i] + b[i]) / 2;
  Ensemble merged{std::move(first), std::move(second)};
  BOOST_TEST(all_close(logits_of(merged, tokens, 2), mean, 1e-5));
  BOOST_TEST(train(merged, 30) > 0);
  BOOST_TEST(
      generate_tokens(merged, {{1, 2, 3}}, {.max_tokens = 5, .stop_at_end = false})[0].size() ==
      5U);

  ScratchFolder const folder;
  CheckpointWriter{merged}.save(folder / "merged");
  Ensemble restored{make<mine::Model<Cpu>>(8, {}), make<mine::MixedModel<Cpu>>(9, {})};
  CheckpointReader(folder / "merged").restore(restored);
  BOOST_TEST(same_bits(logits_of(restored, tokens, 2), logits_of(merged, tokens, 2)));
}

BOOST_AUTO_TEST_CASE(checkpoint_of_other_parts_is_refused_by_their_names) {
  ScratchFolder const folder;
  auto model = make<mine::Model<Cpu>>(1, {1});
  CheckpointWriter{model}.save(folder / "mine");
  auto other = make<mine::MixedModel<Cpu>>(1, {1});
  CheckpointReader const reader(folder / "mine");
  BOOST_CHECK_EXCEPTION(reader.restore(other), MismatchError, says("my_whisper"));
  BOOST_CHECK_EXCEPTION(reader.restore(other), MismatchError, says("my_square"));
}

BOOST_AUTO_TEST_SUITE_END()
