// docs/how-to/merge-experts.md and own-fusion.md show parts of this file.
#include <boost/test/unit_test.hpp>

#include <cstdio>
#include <filesystem>

#include <accrete/accrete.hpp>

#include "support/scratch_folder.hpp"
#include "support/shown_parts.hpp"

// [own-fusion]
/// logits = (1 + strength) * expert - strength * amateur: what the expert knows and the amateur does not ("contrastive
/// decoding", Li et al., arXiv 2210.15097).
struct Contrast {
  using Role = accrete::FusionRole;
  double strength = 0.5;

  template <accrete::ComputeBackend Backend>
  class Layer : public accrete::PlainFusion<Backend> {
   public:
    using State = typename accrete::PlainFusion<Backend>::State;

    Layer(Contrast const& settings, accrete::FusionSizes const& sizes)
        : strength_(settings.strength) {
      if (sizes.experts != 2)
        throw accrete::ValueError(accrete::message(
            "contrast: expected an expert and an amateur, got ", sizes.experts, " experts"));
    }
    [[nodiscard]] accrete::Json describe() const {
      return accrete::Json::object({{"type", "contrast"}, {"strength", strength_}});
    }
    [[nodiscard]] accrete::ExpertWeight<Backend> weight(State const&, accrete::Index expert) const {
      return {.scale = expert == 0 ? 1 + strength_ : -strength_};
    }

   private:
    double strength_;
  };
};
static_assert(accrete::FusionPolicy<Contrast, accrete::CpuBackend>);
// [end]

// [own-combination]
/// For each token of the vocabulary the greatest of the experts' logits.
struct GreatestLogit {
  using Role = accrete::FusionRole;

  template <accrete::HostBackend Backend>
  class Layer : public accrete::PlainFusion<Backend> {
   public:
    template <class Role>
    using Rows = accrete::View<Backend, Role, 2>;
    using Element = accrete::Element;
    struct State {
      Rows<Element> greatest;  // (n,V), for backward
    };

    Layer(GreatestLogit const&, accrete::FusionSizes const&) {}
    [[nodiscard]] accrete::Json describe() const { return accrete::Json("greatest logit"); }
    [[nodiscard]] State state_for(accrete::Workspace<Backend>& workspace,
                                  accrete::FusionPlan const& plan) const {
      return {workspace.template tensor<Element>(plan.chunk, plan.vocabulary)};
    }

    void combine(Backend const&, State const&, accrete::Index number, Rows<Element const> expert,
                 Rows<Element> logits) const {
      for (accrete::Index i = 0; i < logits.count(); ++i)
        if (number == 0 || expert.data()[i] > logits.data()[i]) logits.data()[i] = expert.data()[i];
    }
    void finish(Backend const&, State const& state, Rows<Element> logits) const {
      std::copy_n(logits.data(), logits.count(), state.greatest.data());
    }
    void begin_backward(Backend const&, accrete::Gradients<Backend> const&, State const&,
                        Rows<Element const>) const {}
    void combine_backward(Backend const&, accrete::Gradients<Backend> const&, State const& state,
                          accrete::Index, Rows<Element> expert,
                          Rows<Element const> grad_logits) const {
      for (accrete::Index i = 0; i < expert.count(); ++i)
        expert.data()[i] = expert.data()[i] == state.greatest.data()[i] ? grad_logits.data()[i] : 0;
    }
  };
};
static_assert(accrete::FusionPolicy<GreatestLogit, accrete::CpuBackend>);
// [end]

BOOST_AUTO_TEST_SUITE(merge_experts)

namespace {

using Expert =
    accrete::Decoder<accrete::FrozenGlyphEmbedding,
                     accrete::Growable<accrete::Stack<
                         accrete::TransformerBlock<accrete::dynamic_block, accrete::CpuBackend>>>>;

accrete::Substrate small_substrate() {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "one two three, der die das. ";
  std::vector<accrete::TextCorpus> const corpora{{.name = "words", .documents = {text}}};
  auto const vocabulary = accrete::build_ngram_vocabulary(corpora, {.size = 320});
  accrete::RandomStream const stream(1, 1);
  std::vector<float> table(static_cast<std::size_t>(vocabulary.size() * 16));
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<float>(stream.normals(i)[0]);
  return accrete::Substrate::from_table(vocabulary, std::move(table), 16);
}
accrete::Substrate const substrate = small_substrate();

std::vector<accrete::TokenId> tokens_of(std::string const& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return accrete::BpeTokenizer(substrate.vocabulary()).encode(all);
}

Expert expert_for(std::string const& text, std::uint64_t seed) {
  Expert expert{accrete::CpuBackend(1),
                substrate,
                {.seed = seed,
                 .planned_depth = 1,
                 .block = {.model_dim = 32, .head_count = 2, .hidden_dim = 64}}};
  expert.body().grow(1);
  accrete::Batches batches(tokens_of(text, 40), {.batch = 4, .time = 16});
  accrete::Trainer{expert, accrete::AdamW{.learning_rate = 5e-3}, {.steps = 30}}.fit(batches);
  return expert;
}
Expert english() {
  return expert_for("one two three, ", 1);
}
Expert german() {
  return expert_for("der die das. ", 2);
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_pages_show_this_file) {
  BOOST_TEST(accrete_test::parts_shown(
                 "tests/examples/merge_experts_test.cpp",
                 {"docs/how-to/merge-experts.md", "docs/how-to/own-fusion.md"}) == 9);
}

BOOST_AUTO_TEST_CASE(experts_merge) {
  auto first = english(), second = german();
  // [merge]
  accrete::Ensemble merged{std::move(first), std::move(second)};  // mean of logits
  std::string const text = accrete::generate(merged, "one", {.max_tokens = 12});
  // [end]
  BOOST_TEST(!text.empty());
}

BOOST_AUTO_TEST_CASE(weights_are_found) {
  auto first = english(), second = german();
  auto const held_out = tokens_of("one two three, one two three, der die das. ", 3);
  // [weights]
  accrete::Ensemble merged{accrete::WeightedMean{}, std::move(first), std::move(second)};
  accrete::TokenId const start = merged.substrate().vocabulary().begin();
  accrete::WeightFit const fit = accrete::fit_weights(merged, held_out, start);
  std::printf("%.4f -> %.4f nats a token\n", fit.start_loss, fit.loss);
  // [end]
  BOOST_TEST(fit.loss <= fit.start_loss);
}

BOOST_AUTO_TEST_CASE(a_gate_trains) {
  auto first = english(), second = german();
  accrete::Batches batches(tokens_of("one two three, der die das. ", 40), {.batch = 4, .time = 16});
  double before = 0;
  // [gate]
  accrete::Ensemble merged{accrete::LearnedGate{}, std::move(first), std::move(second)};
  merged.freeze_experts();
  accrete::Trainer trainer{merged, accrete::AdamW{.learning_rate = 1e-2}, {.steps = 40}};
  // [end]
  before = trainer.step(batches).loss;
  BOOST_TEST(trainer.fit(batches).last_loss < before);
}

BOOST_AUTO_TEST_CASE(heads_are_tuned) {
  auto first = english(), second = german();
  accrete::Batches batches(tokens_of("one two three, der die das. ", 40), {.batch = 4, .time = 16});
  // [heads]
  accrete::Ensemble merged{std::move(first), std::move(second)};
  merged.expert<0>().body().freeze();
  merged.expert<1>().body().freeze();
  accrete::Trainer trainer{merged, accrete::AdamW{.learning_rate = 1e-3}, {.steps = 40}};
  // [end]
  double const before = trainer.step(batches).loss;
  BOOST_TEST(trainer.fit(batches).last_loss < before);
}

BOOST_AUTO_TEST_CASE(lists_are_saved_and_edited) {
  accrete_test::ScratchFolder const scratch;
  auto const path = scratch / "merged";
  auto better = german();
  auto const new_expert = [] {
    return Expert{
        accrete::CpuBackend(1),
        substrate,
        {.planned_depth = 1, .block = {.model_dim = 32, .head_count = 2, .hidden_dim = 64}}};
  };
  // [list]
  std::vector<Expert> experts;
  experts.push_back(english());
  experts.push_back(german());
  accrete::ExpertList merged{std::move(experts), accrete::MeanOfProbabilities{}};
  // [end]
  // [save]
  auto folder = accrete::EnsembleFolder::save(merged, path, {"english", "german"});
  folder.exchange("german", better);  // no other expert's file is touched
  // [end]
  std::vector<Expert> none;
  for (int i = 0; i < 2; ++i) none.push_back(new_expert());
  accrete::ExpertList restored{std::move(none), accrete::MeanOfProbabilities{}};
  // [restore]
  bool const whole = accrete::EnsembleFolder(path).restore(restored);
  // [end]
  BOOST_TEST(whole, "a mean has no parameters to miss");
  BOOST_TEST(accrete::generate(restored, "one", {.max_tokens = 4}) ==
             accrete::generate(merged, "one", {.max_tokens = 4}));
}

BOOST_AUTO_TEST_CASE(fusions_of_ones_own_merge) {
  accrete::Ensemble contrast{Contrast{.strength = 0.25}, english(), german()};
  BOOST_TEST(!accrete::generate(contrast, "one", {.max_tokens = 12}).empty());
  BOOST_CHECK_THROW((accrete::Ensemble{Contrast{}, english()}), accrete::ValueError);
  accrete::Ensemble greatest{GreatestLogit{}, english(), german()};
  accrete::Batches batches(tokens_of("one two three, der die das. ", 40), {.batch = 4, .time = 16});
  accrete::Trainer trainer{greatest, accrete::AdamW{.learning_rate = 1e-3}, {.steps = 20}};
  double const before = trainer.step(batches).loss;
  BOOST_TEST(trainer.fit(batches).last_loss < before);
}

BOOST_AUTO_TEST_SUITE_END()
