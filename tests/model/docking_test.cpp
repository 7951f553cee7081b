#include <boost/test/unit_test.hpp>

#include <accrete/model/head_transplant.hpp>

#include "support/all_close.hpp"
#include "support/extended_substrate.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(docking)

namespace {

constexpr Index vocabulary = 23;
constexpr BlockConfig sizes{.model_dim = 16, .head_count = 2, .hidden_dim = 24};

using Plain = GrowingModel<Cpu>;
using Learned = GrowingModel<Cpu, LearnedEmbedding>;
using Binary = GrowingModel<Cpu, BinaryIdEmbedding>;

template <class... Parts>
concept can_merge = requires {
  typename Ensemble<Parts...>;
};
static_assert(can_merge<SameVocabulary, Learned, Learned>);
static_assert(can_merge<SameVocabulary, Learned, Plain, Binary>);
static_assert(can_merge<SameVocabulary, Ensemble<Plain, Plain>, Learned>);
static_assert(!can_merge<SameVocabulary>);
static_assert(!can_merge<SameVocabulary, Plain, GrowingModel<Double>>, "one backend computes");
static_assert(!can_merge<Plain, SameVocabulary, Plain>, "the policy stands first");
static_assert(!can_merge<Ensemble<SameVocabulary, Plain, Plain>, Plain>,
              "a control experiment is no expert");
static_assert(LanguageModel<Ensemble<SameVocabulary, Learned, Learned>>);

template <class Donor, class Receiver>
concept can_transplant = requires(Donor const& donor, Receiver& receiver) {
  transplant_head(donor, receiver);
};
using OtherHead =
    Decoder<FrozenGlyphEmbedding, Growable<Stack<DynamicBlock<Cpu>>>, LinearHead<RmsNorm>>;
static_assert(can_transplant<Plain, Plain>);
static_assert(!can_transplant<Learned, Learned>, "learned embeddings drift apart");
static_assert(!can_transplant<Plain, Binary>);
static_assert(!can_transplant<Plain, OtherHead>);

template <class Model = Plain>
Model make(Substrate const& substrate, std::uint64_t seed = 1, BlockConfig const& block = sizes) {
  Model model{
      typename Model::Backend{}, substrate, {.seed = seed, .planned_depth = 2, .block = block}};
  model.body().grow(1);
  model.for_each_segment([](std::string const&, auto& segment) {
    for (auto& value : segment.values().span()) value *= 5;
  });
  return model;
}

Substrate const parent = random_substrate(vocabulary, 8);
Substrate const child = extended(parent, 4);

}  // namespace

BOOST_AUTO_TEST_CASE(experts_on_ancestor_and_child_dock_and_speak_the_ancestors_vocabulary) {
  auto const tokens = random_tokens(12, vocabulary, 2);
  Plain const older = make(parent, 1), younger = make(child, 2);
  auto const older_logits = logits_of(older, tokens, 2);
  auto const younger_logits = logits_of(younger, tokens, 2);
  for (bool const older_first : {true, false}) {
    Ensemble const merged = older_first ? Ensemble{make(parent, 1), make(child, 2)}
                                        : Ensemble{make(child, 2), make(parent, 1)};
    BOOST_TEST(merged.substrate().fingerprint() == parent.fingerprint());
    auto const logits = logits_of(merged, tokens, 2);
    BOOST_TEST_REQUIRE(logits.size() == older_logits.size());
    for (std::size_t i = 0; i < logits.size(); ++i) {
      std::size_t const row = i / vocabulary, id = i % vocabulary;
      double const mean =
          0.5 * (double{older_logits[i]} + double{younger_logits[row * (vocabulary + 4) + id]});
      BOOST_TEST(std::abs(double{logits[i]} - mean) < 1e-4);
    }
  }
}

BOOST_AUTO_TEST_CASE(tokens_of_the_child_alone_are_refused_as_input_and_never_come_out) {
  Ensemble const merged{make(parent, 1), make(child, 2)};
  std::vector<TokenId> const ids{1, 2, vocabulary + 1};
  decltype(merged)::Session session(merged, {.batch = 1, .time = 3, .cache = 8});
  auto const says_where = says(
      "ensemble: token id 24 at sequence 0, token 2 is outside of the "
      "vocabulary of 23");
  BOOST_CHECK_EXCEPTION(merged.forward(session, {ids.data(), {1, 3}}), ValueError, says_where);
  BOOST_CHECK_EXCEPTION(merged.decode_step(session, {ids.data(), {1, 3}}), ValueError, says_where);

  // The child alone would say them: its head leans towards its own tokens.
  auto const biased = [] {
    Plain expert = make(child, 2);
    auto const& bias = expert.head_segment().at("head.linear.bias");
    for (Index id = vocabulary; id < vocabulary + 4; ++id)
      expert.head_segment().values()(bias.offset + id) = 50;
    return expert;
  };
  GenerateOptions const options{.max_tokens = 40, .stop_at_end = false};
  auto const alone = generate_tokens(biased(), {{1, 2}}, options);
  BOOST_TEST((*std::max_element(alone[0].begin(), alone[0].end()) >= vocabulary));
  Ensemble const leaning{make(parent, 1), biased()};
  auto const together = generate_tokens(leaning, {{1, 2}}, options);
  BOOST_TEST(together[0].size() == 40U);
  BOOST_TEST((*std::max_element(together[0].begin(), together[0].end()) < vocabulary));
}

BOOST_AUTO_TEST_CASE(docked_generations_train_and_rows_of_the_child_alone_stay) {
  Ensemble merged{make(parent, 1), make(child, 2)};
  auto const rows_of_child = [&] {
    auto const& segment = merged.expert<1>().head_segment();
    auto const& weight = segment.at("head.linear.weight");
    auto const first = weight.offset + vocabulary * 16;
    return std::vector<float>(segment.values().data() + first,
                              segment.values().data() + weight.offset + weight.count);
  };
  auto const before = rows_of_child();
  BOOST_TEST(before.size() == 64U);
  Batches batches = random_batches(vocabulary, 2, 5);
  std::vector<double> losses;
  Trainer{
      merged,
      AdamW{.learning_rate = 1e-2, .weight_decay = 0},
      {.steps = 40, .on_step = [&](StepReport const& report) { losses.push_back(report.loss); }}}
      .fit(batches);
  BOOST_TEST(losses.back() < losses.front());
  BOOST_TEST(same_bits(rows_of_child(), before));
}

BOOST_AUTO_TEST_CASE(three_generations_dock_and_siblings_do_not) {
  Substrate const grandchild = extended(child, 2), sibling = extended(parent, 4, 2);
  Ensemble const all{make(grandchild, 1), make(parent, 2), make(child, 3)};
  BOOST_TEST(all.substrate().fingerprint() == parent.fingerprint());
  BOOST_CHECK_EXCEPTION((Ensemble{make(child), make(sibling)}), MismatchError,
                        says("both extend the substrate " + parent.fingerprint()));
  Ensemble inner{make(child, 1), make(grandchild, 2)};
  BOOST_TEST(inner.substrate().fingerprint() == child.fingerprint());
  Ensemble<decltype(inner), Plain> const nested(std::move(inner), make(parent, 3));
  BOOST_TEST(nested.substrate().fingerprint() == parent.fingerprint());
  BOOST_TEST(logits_of(nested, random_tokens(6, vocabulary), 1).size() == 6U * vocabulary);
}

BOOST_AUTO_TEST_CASE(expert_that_grows_away_within_an_ensemble_is_refused_by_the_next_session) {
  Ensemble merged{make(parent, 1), make(child, 2)};
  using Session = decltype(merged)::Session;
  merged.expert<0>().grow_vocabulary(child);
  BOOST_TEST(merged.substrate().fingerprint() == child.fingerprint());
  BOOST_CHECK_NO_THROW(Session(merged, {}));
  Ensemble other{make(parent, 1), make(child, 2)};
  other.expert<0>().grow_vocabulary(extended(parent, 4, 2));
  BOOST_CHECK_EXCEPTION(Session(other, {}), MismatchError, says("different substrates"));
}

BOOST_AUTO_TEST_CASE(description_names_the_substrate_of_an_expert_on_another_generation) {
  Ensemble const merged{make(parent, 1), make(child, 2)};
  Json const description = merged.describe();
  BOOST_TEST(!description.at("experts").at(0).contains("substrate"));
  BOOST_TEST(description.at("experts").at(1).at("substrate").as_string() == child.fingerprint());
}

BOOST_AUTO_TEST_CASE(control_experiments_merge_whatever_shares_a_vocabulary) {
  Substrate const other_table = random_substrate(vocabulary, 8, 5);
  auto const tokens = random_tokens(12, vocabulary, 2);
  Ensemble const merged{SameVocabulary{}, make<Learned>(parent, 1), make<Plain>(other_table, 2)};
  auto const first = logits_of(make<Learned>(parent, 1), tokens, 2);
  auto const second = logits_of(make<Plain>(other_table, 2), tokens, 2);
  std::vector<double> mean;
  for (std::size_t i = 0; i < first.size(); ++i)
    mean.push_back(0.5 * (double{first[i]} + double{second[i]}));
  BOOST_TEST(all_close(logits_of(merged, tokens, 2), mean, 1e-4));
  BOOST_CHECK_EXCEPTION((Ensemble{SameVocabulary{}, make<Learned>(parent), make<Learned>(child)}),
                        MismatchError,
                        says("different vocabularies: the vocabularies have 23 and 27 tokens"));
}

BOOST_AUTO_TEST_CASE(transplanted_head_brings_the_rows_that_both_know) {
  Plain const donor = make(parent, 1);
  auto const tokens = random_tokens(12, vocabulary, 2);
  Plain same = make(parent, 1);  // the donor's body, another head
  for (auto& value : same.head_segment().values().span()) value = 0;
  transplant_head(donor, same);
  BOOST_TEST(same_bits(logits_of(same, tokens, 2), logits_of(donor, tokens, 2)));

  Plain larger = make(child, 1);
  auto const own = std::vector<float>(larger.head_segment().values().span().begin(),
                                      larger.head_segment().values().span().end());
  transplant_head(donor, larger);
  auto const& from = donor.head_segment().at("head.linear.weight");
  auto const& to = larger.head_segment().at("head.linear.weight");
  for (Index i = 0; i < to.count; ++i) {
    float const expected = i < from.count ? donor.head_segment().values()(from.offset + i)
                                          : own[static_cast<std::size_t>(to.offset + i)];
    BOOST_TEST(larger.head_segment().values()(to.offset + i) == expected);
  }
}

BOOST_AUTO_TEST_CASE(head_from_another_substrate_or_width_is_refused) {
  Plain const donor = make(parent, 1);
  Plain stranger = make(random_substrate(vocabulary, 8, 2));
  BOOST_CHECK_EXCEPTION(
      transplant_head(donor, stranger), MismatchError,
      says("transplant_head: the experts stand on different substrates: the tables "
           "differ in 23 of 23 rows"));
  transplant_head(SameVocabulary{}, donor, stranger);
  Plain wide = make(parent, 1, {.model_dim = 24, .head_count = 2, .hidden_dim = 24});
  BOOST_CHECK_EXCEPTION(transplant_head(donor, wide), ShapeError, says("segment head"));
}

BOOST_AUTO_TEST_SUITE_END()
