#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/extended_substrate.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(vocabulary_growth)

namespace {

constexpr BlockConfig sizes{.model_dim = 16, .head_count = 2, .hidden_dim = 24};

template <class Model>
Model make(Substrate const& substrate, std::uint64_t seed = 1) {
  return Model{
      typename Model::Backend{}, substrate, {.seed = seed, .planned_depth = 2, .block = sizes}};
}

/// Two blocks, trained for a few steps.
template <class Model>
Model trained(Substrate const& substrate) {
  Model model = make<Model>(substrate);
  model.body().grow(1);
  Batches batches = random_batches(substrate.vocabulary_size(), 2, 5);
  Trainer{model, AdamW{.learning_rate = 1e-2}, {.steps = 6}}.fit(batches);
  model.body().grow(1);
  Trainer{model, AdamW{.learning_rate = 1e-2}, {.steps = 6}}.fit(batches);
  return model;
}

/// The first V of each row of logits.
template <class T>
std::vector<T> first_columns(std::vector<T> const& logits, Index columns, Index kept) {
  std::vector<T> result;
  for (std::size_t begin = 0; begin < logits.size(); begin += static_cast<std::size_t>(columns))
    result.insert(result.end(), logits.begin() + static_cast<std::ptrdiff_t>(begin),
                  logits.begin() + static_cast<std::ptrdiff_t>(begin) + kept);
  return result;
}

template <class Model>
void check_growth(Index vocabulary, Index added) {
  Substrate const small = random_substrate(vocabulary, 8);
  Substrate const large = extended(small, added);
  Model model = trained<Model>(small);
  auto const tokens = random_tokens(12, vocabulary, 2);
  auto const before = logits_of(model, tokens, 2);
  model.grow_vocabulary(large);
  BOOST_TEST(model.substrate().fingerprint() == large.fingerprint());
  auto const after = logits_of(model, tokens, 2);
  BOOST_TEST(same_bits(first_columns(after, vocabulary + added, vocabulary), before));

  // The new tokens are spoken and learned.
  Batches batches(random_tokens(11, vocabulary + added), {.batch = 2, .time = 5});
  std::vector<double> losses;
  Trainer{
      model,
      AdamW{.learning_rate = 1e-2},
      {.steps = 40, .on_step = [&](StepReport const& report) { losses.push_back(report.loss); }}}
      .fit(batches);
  BOOST_TEST(losses.back() < losses.front());
}

}  // namespace

BOOST_AUTO_TEST_CASE(logits_of_older_tokens_keep_their_bits) {
  check_growth<GrowingModel<Cpu>>(23, 1);
  check_growth<GrowingModel<Cpu>>(23, 90);
  check_growth<GrowingModel<Double>>(23, 9);
  check_growth<GrowingModel<Cpu, BinaryIdEmbedding>>(23, 9);
  check_growth<GrowingModel<Cpu, LearnedEmbedding>>(23, 9);
}

BOOST_AUTO_TEST_CASE(new_rows_start_as_in_a_new_model) {
  using Model = GrowingModel<Cpu>;
  Substrate const small = random_substrate(23, 8), large = extended(small, 4);
  Model grown = make<Model>(small), fresh = make<Model>(large);
  grown.grow_vocabulary(large);
  BOOST_TEST(same_bits(parameters_of(grown), parameters_of(fresh)));
}

BOOST_AUTO_TEST_CASE(embedding_that_would_change_older_tokens_is_refused) {
  using Model = GrowingModel<Cpu, BinaryIdEmbedding>;
  Substrate const small = random_substrate(15, 8);  // ids of 4 bits, in 4 numbers
  Model model = make<Model>(small);
  model.body().grow(1);
  auto const tokens = random_tokens(6, 15);
  auto const before = logits_of(model, tokens, 1);
  BOOST_CHECK_EXCEPTION(model.grow_vocabulary(extended(small, 2)), MismatchError,
                        says("would give older tokens other vectors"));
  BOOST_TEST(same_bits(logits_of(model, tokens, 1), before));
  BOOST_TEST(model.substrate().fingerprint() == small.fingerprint());
}

BOOST_AUTO_TEST_CASE(only_an_extension_of_its_own_substrate_is_taken) {
  using Model = GrowingModel<Cpu>;
  Substrate const small = random_substrate(23, 8);
  Model model = make<Model>(small);
  for (Substrate const& other :
       {small, random_substrate(30, 8), extended(random_substrate(23, 8, 2), 3)})
    BOOST_CHECK_EXCEPTION(model.grow_vocabulary(other), MismatchError,
                          says("grows only onto a substrate that extends its own"));
  Substrate const large = extended(small, 3), largest = extended(large, 3);
  model.grow_vocabulary(largest);
  BOOST_CHECK_THROW(model.grow_vocabulary(large), MismatchError);
  BOOST_TEST(model.substrate().vocabulary_size() == 29);
}

BOOST_AUTO_TEST_CASE(sessions_and_trainers_made_before_say_so) {
  using Model = GrowingModel<Cpu>;
  Substrate const small = random_substrate(23, 8);
  Model model = trained<Model>(small);
  auto const tokens = random_tokens(10, 23);
  Model::Session session(model, {.batch = 2, .time = 5});
  Trainer trainer{model, AdamW{}, {.steps = 2}};
  model.grow_vocabulary(extended(small, 2));
  BOOST_CHECK_THROW(model.forward(session, batch_view<Cpu>(tokens, 2)), MismatchError);
  Batches batches = random_batches(23, 2, 5);
  BOOST_CHECK_THROW(trainer.step(batches), MismatchError);
}

BOOST_AUTO_TEST_CASE(
    grown_model_is_saved_and_restored_and_an_older_checkpoint_is_refused_with_advice) {
  using Model = GrowingModel<Cpu>;
  ScratchFolder const folder;
  Substrate const small = random_substrate(23, 8), large = extended(small, 4);
  Model model = trained<Model>(small);
  CheckpointWriter{model}.save(folder / "small");
  model.grow_vocabulary(large);
  CheckpointWriter{model}.save(folder / "large");

  Model restored = make<Model>(large, 9);
  BOOST_CHECK_EXCEPTION(
      CheckpointReader(folder / "small").restore(restored), MismatchError,
      says("the vocabularies have 23 and 27 tokens; the second extends the first"));
  BOOST_CHECK_EXCEPTION(CheckpointReader(folder / "small").restore(restored), MismatchError,
                        says("let that model grow_vocabulary"));
  CheckpointReader(folder / "large").restore(restored);
  auto const tokens = random_tokens(12, 27, 2);
  BOOST_TEST(same_bits(logits_of(restored, tokens, 2), logits_of(model, tokens, 2)));
}

BOOST_AUTO_TEST_CASE(a_frozen_head_can_train_again_after_the_vocabulary_has_grown) {
  Substrate const small = random_substrate(23, 8);
  CpuModel model = make<CpuModel>(small);
  model.body().grow(1);
  auto const train_head = [&](bool trains) {
    auto& head = model.head_segment();
    head.set_trainable(head.name() + ".", trains);
  };
  train_head(false);
  model.grow_vocabulary(extended(small, 2));
  BOOST_TEST(!model.head_segment().trainable());
  train_head(true);
  BOOST_TEST(model.head_segment().trainable());
  model.head_segment().set_trainable(false);
  model.grow_vocabulary(extended(model.substrate(), 2));
  BOOST_TEST(!model.head_segment().trainable());
  model.head_segment().set_trainable(true);
  BOOST_TEST(model.head_segment().trainable());
}

BOOST_AUTO_TEST_SUITE_END()
