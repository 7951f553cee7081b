#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/fusions.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(expert_list)

namespace {

constexpr Index vocabulary = fusion_vocabulary;

CpuModel expert(Index number) {
  return number == 0 ? grown_expert<CpuModel>({1}, narrow_block, 1)
                     : grown_expert<CpuModel>({1, 1}, wide_block, 2);
}
std::vector<CpuModel> experts(Index count) {
  std::vector<CpuModel> list;
  for (Index e = 0; e < count; ++e) list.push_back(expert(e % 2));
  return list;
}

static_assert(LanguageModel<ExpertList<CpuModel>>);
static_assert(LanguageModel<ExpertList<CpuModel, LogitAdapter>>);
static_assert(HasTerms<ExpertList<CpuModel, LearnedGate>>);
static_assert(LanguageModel<Ensemble<ExpertList<CpuModel>, CpuModel>>, "a list as an expert");
static_assert(LanguageModel<ExpertList<Ensemble<LearnedGate, CpuModel, CpuModel>>>);
template <class... Parts>
concept can_list = requires {
  typename ExpertList<Parts...>;
};
using Learned = GrowingModel<Cpu, LearnedEmbedding>;
static_assert(!can_list<Learned> && can_list<Learned, SameVocabulary>);
static_assert(!can_list<CpuModel, LearnedGate, MeanOfLogits>, "one fusion");

/// Losses of three steps, logits before and after, and what is generated.
template <class Model>
std::vector<float> everything_of(Model model) {
  randomize_fusion(model);
  auto const tokens = random_tokens(12, vocabulary, 2);
  std::vector<float> results = logits_of(model, tokens, 2);
  auto const append = [&](auto const& more) {
    for (auto const value : more) results.push_back(static_cast<float>(value));
  };
  Batches batches = random_batches(vocabulary, 2, 5);
  Trainer trainer{model, AdamW{.learning_rate = 1e-3}, {.steps = 3}};
  while (trainer.steps_done() < 3) results.push_back(float(trainer.step(batches).loss));
  append(parameters_of(model));
  append(generate_tokens(model, {{1, 2, 3}}, {.max_tokens = 9, .stop_at_end = false})[0]);
  return results;
}

template <class Fusion>
void check_same_as_pack(Fusion const& fusion) {
  Ensemble<Fusion, CpuModel, CpuModel> pack(fusion, expert(0), expert(1));
  ExpertList<CpuModel, Fusion> list(experts(2), fusion);
  std::string const list_name = list.describe().at("fusion").dump();
  BOOST_TEST((list.describe() == pack.describe()));
  BOOST_TEST((list.structure() == pack.structure()));
  BOOST_TEST(same_bits(everything_of(std::move(list)), everything_of(std::move(pack))), list_name);
}

}  // namespace

BOOST_AUTO_TEST_CASE(has_the_bits_of_the_pack_for_every_fusion) {
  check_same_as_pack(MeanOfLogits{});
  check_same_as_pack(MeanOfProbabilities{});
  check_same_as_pack(LogitAdapter{.rank = 3});
  check_same_as_pack(LearnedGate{});
}

BOOST_AUTO_TEST_CASE(checkpoints_of_pack_and_list_are_the_same) {
  std::vector<CpuModel> same_experts = experts(2);
  ExpertList list{std::move(same_experts)};
  Ensemble pack{expert(0), expert(1)};
  auto const names = [](auto& model) {
    std::vector<std::string> all;
    model.for_each_segment([&](std::string const& prefix, auto const& segment) {
      for (auto const& entry : segment.entries()) all.push_back(prefix + entry.name);
    });
    return all;
  };
  BOOST_TEST(names(list) == names(pack), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(holds_as_many_experts_as_the_program_wants) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  std::vector<ExpertOutput> outputs;
  for (Index count = 1; count <= 5; ++count) {
    outputs.push_back(output_of(expert((count - 1) % 2), tokens, 2));
    ExpertList const list{experts(count)};
    BOOST_TEST(list.size() == count);
    BOOST_TEST(all_close(logits_of(list, tokens, 2), fused(MeanOfLogits{}, outputs, {}), 1e-4));
  }
}

BOOST_AUTO_TEST_CASE(an_empty_list_is_refused) {
  BOOST_CHECK_EXCEPTION(ExpertList{std::vector<CpuModel>()}, ValueError,
                        says("ensemble: expected at least one expert"));
  BOOST_CHECK_EXCEPTION((ExpertList{std::vector<CpuModel>(), LearnedGate{}}), ValueError,
                        says("expected at least one expert"));
}

BOOST_AUTO_TEST_CASE(experts_on_other_substrates_are_refused) {
  std::vector<CpuModel> list = experts(1);
  list.emplace_back(Cpu{}, random_substrate(vocabulary, 8, 7),
                    CpuModel::Options{.block = narrow_block});
  BOOST_CHECK_EXCEPTION(ExpertList{std::move(list)}, MismatchError,
                        says("the experts stand on different substrates"));
}

BOOST_AUTO_TEST_SUITE_END()
