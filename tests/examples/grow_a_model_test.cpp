// docs/how-to/grow-a-model.md shows parts of this file.
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <iostream>

#include <accrete/accrete.hpp>

#include "support/scratch_folder.hpp"
#include "support/shown_parts.hpp"

BOOST_AUTO_TEST_SUITE(grow_a_model)

namespace {

// [model]
using Block = accrete::TransformerBlock<accrete::dynamic_block, accrete::CpuBackend>;
using Model =
    accrete::Decoder<accrete::FrozenGlyphEmbedding, accrete::Growable<accrete::Stack<Block>>>;

/// Grows the model of a plan, from where an earlier call was stopped. True if the plan has been carried out.
bool grow(accrete::Substrate const& substrate, std::filesystem::path const& folder,
          std::stop_token stop) {
  auto const plan = accrete::load_growth_plan(folder / "plan.json");
  Model model{accrete::CpuBackend(), substrate, accrete::body_options<Model>(plan)};

  auto const tokens = std::make_shared<accrete::TokenShard>(folder / "train.shard");
  accrete::Batches batches(
      {tokens},
      {.batch = plan.training.batch, .time = plan.training.time, .seed = plan.training.seed});
  std::vector<accrete::TokenId> held_out(1024);
  accrete::TokenShard(folder / "held.shard").read(0, held_out);
  accrete::TokenId const first = substrate.vocabulary().begin();

  accrete::GrowthRun run(
      model, batches, plan,
      {.validate = [&] { return accrete::score_tokens(model, held_out, first).mean(); },
       .on_phase = [](auto const& report) { std::cout << accrete::to_text(report.parameters); }});
  auto const checkpoint = folder / "run.safetensors";
  if (std::filesystem::exists(checkpoint)) run.restore(accrete::CheckpointReader(checkpoint));
  bool const finished = run.run(stop);
  run.save(checkpoint);
  return finished;
}
// [end]

accrete::Substrate small_substrate() {
  std::vector<accrete::TextCorpus> const corpora{{.name = "words", .documents = {"one two three"}}};
  auto const vocabulary = accrete::build_ngram_vocabulary(corpora, {.size = 270});
  accrete::RandomStream const stream(1, 1);
  std::vector<float> table(static_cast<std::size_t>(vocabulary.size() * 16));
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i] = static_cast<float>(stream.normals(i)[0]);
  return accrete::Substrate::from_table(vocabulary, std::move(table), 16);
}

void write_shard(accrete::Substrate const& substrate, std::filesystem::path const& path) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "one two three, ";
  accrete::TokenShardWriter shard(path, substrate.vocabulary_size());
  shard.append(accrete::BpeTokenizer(substrate.vocabulary()).encode(text));
  shard.commit();
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_page_shows_this_file) {
  BOOST_TEST(accrete_test::parts_shown("tests/examples/grow_a_model_test.cpp",
                                       {"docs/how-to/grow-a-model.md"}) == 1);
}

BOOST_AUTO_TEST_CASE(a_plan_is_carried_out_after_a_stop) {
  accrete_test::ScratchFolder const folder;
  auto const substrate = small_substrate();
  write_shard(substrate, folder / "train.shard");
  write_shard(substrate, folder / "held.shard");
  accrete::write_file_atomically(folder / "plan.json", R"({
      "format": "accrete growth plan", "version": 1, "name": "tiny", "about": "",
      "model": {"embedding": {"kind": "frozen_glyph"},
                "block": {"model_dim": 16, "head_count": 2, "hidden_dim": 32}},
      "training": {"batch": 2, "time": 8, "validate_every": 2, "validation_tokens": 1024},
      "defaults": {"budget": {"steps": 4}, "schedule": {"learning_rate": 0.01}},
      "stages": [{"blocks": 1}, {"blocks": 1}]})");
  std::stop_source stop;
  stop.request_stop();
  BOOST_TEST(!grow(substrate, folder.path(), stop.get_token()));
  BOOST_TEST(grow(substrate, folder.path(), {}));
  accrete::SafetensorsReader const checkpoint(folder / "run.safetensors");
  BOOST_TEST(checkpoint.find("parameter.blocks.1.attention.qkv.weight") != nullptr);
}

BOOST_AUTO_TEST_SUITE_END()
