// Files of every format as this library once wrote them, in tests/golden/formats: they load in every later one. With
// ACCRETE_TEST_MAKE_FORMATS=FOLDER this test writes them there; a file stays as it is, a new version gets a new name.
#include <cstdlib>
#include <string>
#include <vector>

#include <accrete/train/adapter_file.hpp>
#include <accrete/train/ensemble_folder.hpp>
#include <boost/test/unit_test.hpp>

#include "support/changed_bits.hpp"
#include "support/error_text.hpp"
#include "support/fusions.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(format_versions)

namespace {

using Path = std::filesystem::path;
using Model = CpuModel;
using Merged = ExpertList<Model, LearnedGate>;

constexpr Index vocabulary = 12, width = 4;

Path golden() {
  return Path(ACCRETE_SOURCE_DIR) / "tests/golden/formats";
}

/// Multiples of 1/64 between -8 and 8, which every type holds exactly.
double golden_value(std::string_view name, Index i) {
  Index sum = 7 * i;
  for (char const c : name) sum = (31 * sum + static_cast<unsigned char>(c)) % 1009;
  return static_cast<double>(sum % 1009 - 504) / 64;
}

template <class Values>
bool is_golden(std::string_view name, Values const& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (static_cast<double>(values[i]) != golden_value(name, static_cast<Index>(i))) return false;
  return true;
}

template <class Values>
void make_golden(std::string_view name, Values&& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(golden_value(name, static_cast<Index>(i)));
}

Substrate make_substrate() {
  std::vector<Token> tokens{{"<pad>", TokenKind::special},
                            {"<s>", TokenKind::special},
                            {"</s>", TokenKind::special},
                            {"<unk>", TokenKind::special}};
  for (char const* const text : {"a", "b", "ä", "中", "ab"})
    tokens.push_back({text, TokenKind::text});
  while (static_cast<Index>(tokens.size()) < vocabulary)
    tokens.push_back({"<" + std::to_string(tokens.size()) + ">", TokenKind::special});
  std::vector<float> table(static_cast<std::size_t>(vocabulary * width));
  make_golden("table", table);
  return Substrate::from_table(Vocabulary(tokens, {}), std::move(table), width);
}

Model empty(Substrate const& substrate) {
  return {Cpu(1),
          substrate,
          {.planned_depth = 2, .block = {.model_dim = 8, .head_count = 2, .hidden_dim = 12}}};
}

Model make_model(Substrate const& substrate, std::string const& name) {
  Model model = empty(substrate);
  model.body().grow(1);
  model.body().grow(1);
  model.for_each_segment([&](std::string const&, auto& segment) {
    for (auto const& entry : segment.entries())
      make_golden(name + entry.name, detail::run_of(segment.values(), entry).span());
  });
  return model;
}

bool is_golden_model(Model& model, std::string const& name) {
  bool all = true;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    for (auto const& entry : segment.entries())
      if (entry.name.find(".adapter.") == std::string::npos)
        all = all && is_golden(name + entry.name, detail::run_of(segment.values(), entry).span());
  });
  return all;
}

Batches make_batches() {
  std::vector<TokenId> tokens;
  for (TokenId i = 0; i < 40; ++i) tokens.push_back(i % 12);
  return {tokens, {.batch = 2, .time = 3, .seed = 4}};
}

void take(Batches& batches, int count) {
  std::vector<TokenId> ids(6), targets(6);
  for (int i = 0; i < count; ++i) batches.next(ids, targets);
}

AdapterOptions const adapter_options{.rank = 2, .alpha = 4, .targets = {"attention.value"}};

template <class F>
void for_each_moment(Trainer<Model>& trainer, F&& f) {
  for (auto& active : trainer.active().segments())
    for (auto const& entry : active.segment->entries()) {
      f("first " + entry.name, detail::run_of(active.first_moment, entry).span());
      f("second " + entry.name, detail::run_of(active.second_moment, entry).span());
    }
}

GrowthPlan make_plan() {
  GrowthPlan plan;
  plan.name = "golden";
  plan.about = "every key";
  plan.model.block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24};
  plan.training = {.seed = 5, .batch = 2, .time = 5, .validate_every = 3};
  PlannedSchedule const schedule{.warmup_steps = 1, .learning_rate = 0.25};
  LoraPhase lora{.adapters = {.rank = 2, .alpha = 4, .targets = {"attention.value"}},
                 .budget = {.amount = 3},
                 .schedule = schedule,
                 .moments = MomentsPolicy::kept};
  plan.stages = {{.blocks = 2, .budget = {.amount = 3}, .schedule = schedule},
                 {.blocks = 1,
                  .start = BlockStart::middle,
                  .budget = {.kind = GrowthBudget::Kind::plateau,
                             .amount = 50,
                             .patience = 2,
                             .minimal_improvement = 0.5},
                  .schedule = schedule,
                  .trains_head = false,
                  .moments = MomentsPolicy::copied,
                  .lora = lora}};
  return plan;
}

std::vector<TokenId> const shard_ids{0, 1, 299, 7, 256};

Merged make_ensemble(Substrate const& substrate, bool whole) {
  std::vector<Model> experts;
  for (char const* const name : {"one", "two"})
    experts.push_back(whole ? make_model(substrate, name) : empty(substrate));
  return Merged(std::move(experts), LearnedGate{});
}

void write_all(Path const& folder) {
  std::filesystem::create_directories(folder);
  Substrate const substrate = make_substrate();
  substrate.save(folder / "substrate-2.safetensors");
  {
    Model model = make_model(substrate, "");
    Batches batches = make_batches();
    take(batches, 3);
    Trainer trainer{model, AdamW{}, {.guard = {.spikes = {.deviations = 3, .memory = 4}}}};
    for_each_moment(trainer,
                    [](std::string const& name, auto values) { make_golden(name, values); });
    for (double const loss : {3.0, 2.5, 2.25}) trainer.guard().take(loss);
    trainer.resume(7, 42);
    CheckpointWriter{model}
        .with(trainer)
        .with(batches)
        .with_extra(Json("extra"))
        .with_validation_loss(1.5)
        .save(folder / "checkpoint-2.safetensors");
    model.body().add_adapters(adapter_options);
    model.for_each_segment([](std::string const&, auto& segment) {
      for (auto const& entry : segment.entries())
        if (entry.name.find(".adapter.") != std::string::npos)
          make_golden(entry.name, detail::run_of(segment.values(), entry).span());
    });
    save_adapters(model, folder / "adapters-2.safetensors");
  }
  auto merged = make_ensemble(substrate, true);
  for (auto const& entry : merged.fusion_segment().entries())
    make_golden(entry.name, detail::run_of(merged.fusion_segment().values(), entry).span());
  static_cast<void>(EnsembleFolder::save(merged, folder / "ensemble-1", {"one", "two"}));
  write_file_atomically(folder / "plan-1.json", to_json(make_plan()).dump(2) + "\n");
  TokenShardWriter shard(folder / "tokens-1.shard", 300, "abc");
  shard.append(shard_ids);
  shard.commit();
}

/// The file with other metadata, and hashes that fit.
void rewrite(Path const& from, Path const& to, char const* key, std::string const& value) {
  SafetensorsReader const reader(from);
  auto metadata = reader.metadata();
  metadata.erase(std::string(SafetensorsHashes::metadata_key));
  metadata[key] = value;
  SafetensorsWriter writer;
  writer.set_metadata(metadata);
  for (auto const& tensor : reader.tensors())
    writer.declare(tensor.name, tensor.dtype, tensor.shape);
  writer.add_hashes();
  writer.open(to);
  for (auto const& tensor : reader.tensors()) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.byte_count()));
    reader.read(tensor, bytes);
    writer.write(tensor.name, std::span<std::byte const>(bytes));
  }
  writer.commit();
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_are_written_when_asked_for) {
  char const* const folder = std::getenv("ACCRETE_TEST_MAKE_FORMATS");
  if (folder != nullptr) write_all(folder);
  BOOST_TEST(std::filesystem::exists(golden()));
}

BOOST_AUTO_TEST_CASE(substrate_loads) {
  Substrate const substrate = Substrate::load(golden() / "substrate-2.safetensors");
  Substrate const expected = make_substrate();
  BOOST_TEST(substrate.fingerprint() == expected.fingerprint());
  BOOST_TEST(is_golden("table", substrate.table()));
  BOOST_TEST(substrate.vocabulary().token(7) == "中");
}

BOOST_AUTO_TEST_CASE(checkpoint_loads) {
  Model model = empty(Substrate::load(golden() / "substrate-2.safetensors"));
  CheckpointReader const file(golden() / "checkpoint-2.safetensors");
  file.verify();
  file.restore(model);
  BOOST_TEST(is_golden_model(model, ""));
  Trainer trainer{model, AdamW{}, {.guard = {.spikes = {.deviations = 3, .memory = 4}}}};
  file.restore(trainer);
  BOOST_TEST(trainer.steps_done() == 7);
  BOOST_TEST(trainer.total_tokens() == 42);
  for_each_moment(trainer, [](std::string const& name, auto values) {
    BOOST_TEST(is_golden(name, values), name);
  });
  StepGuard guard{trainer.options().guard};
  for (double const loss : {3.0, 2.5, 2.25}) guard.take(loss);
  BOOST_TEST((trainer.guard().state() == guard.state()));
  Batches batches = make_batches(), expected = make_batches();
  file.restore(batches);
  take(expected, 3);
  BOOST_TEST((batches.state() == expected.state()));
  BOOST_TEST(file.extra().as_string() == "extra");
  BOOST_TEST(file.state().at("validation_loss").as_double() == 1.5);
  BOOST_TEST(file.state().at("library").as_string() == "0.1.0");
}

BOOST_AUTO_TEST_CASE(adapters_load) {
  Model model = empty(Substrate::load(golden() / "substrate-2.safetensors"));
  CheckpointReader(golden() / "checkpoint-2.safetensors").restore(model);
  load_adapters(model, golden() / "adapters-2.safetensors");
  auto const& adapters = model.body().adapters().segment();
  BOOST_TEST(!adapters.entries().empty());
  for (auto const& entry : adapters.entries())
    BOOST_TEST(is_golden(entry.name, detail::run_of(adapters.values(), entry).span()), entry.name);
}

BOOST_AUTO_TEST_CASE(ensemble_loads) {
  auto merged = make_ensemble(Substrate::load(golden() / "substrate-2.safetensors"), false);
  BOOST_TEST(EnsembleFolder(golden() / "ensemble-1").restore(merged));
  BOOST_TEST(is_golden_model(merged.expert(0), "one"));
  BOOST_TEST(is_golden_model(merged.expert(1), "two"));
  for (auto const& entry : merged.fusion_segment().entries())
    BOOST_TEST(
        is_golden(entry.name, detail::run_of(merged.fusion_segment().values(), entry).span()));
}

BOOST_AUTO_TEST_CASE(growth_plan_loads) {
  BOOST_TEST((to_json(load_growth_plan(golden() / "plan-1.json")) == to_json(make_plan())));
}

BOOST_AUTO_TEST_CASE(token_shard_loads) {
  TokenShard const shard(golden() / "tokens-1.shard");
  std::vector<TokenId> ids(static_cast<std::size_t>(shard.size()));
  shard.read(0, ids);
  BOOST_TEST(ids == shard_ids, boost::test_tools::per_element());
  BOOST_TEST(shard.fingerprint() == "abc");
}

BOOST_AUTO_TEST_CASE(newer_versions_are_refused_with_what_to_do) {
  ScratchFolder const folder;
  char const* const advice = "a newer accrete wrote it: update accrete to read it";
  auto const check = [&](auto const& load, char const* what) {
    BOOST_TEST_CONTEXT(what) {
      BOOST_CHECK_EXCEPTION(load(), FileError, says(what, advice));
    }
  };
  rewrite(golden() / "substrate-2.safetensors", folder / "substrate", "version", "3");
  check([&] { static_cast<void>(Substrate::load(folder / "substrate")); },
        "expected format version 2, got \"3\"");
  rewrite(golden() / "checkpoint-2.safetensors", folder / "checkpoint", "format_version", "3");
  check([&] { CheckpointReader{folder / "checkpoint"}; },
        "has checkpoint format version 3, this library reads version 2");
  rewrite(golden() / "adapters-2.safetensors", folder / "adapters", "format_version", "17");
  Model model = empty(Substrate::load(golden() / "substrate-2.safetensors"));
  CheckpointReader(golden() / "checkpoint-2.safetensors").restore(model);
  check([&] { load_adapters(model, folder / "adapters"); }, "has adapter format version 17");
  rewrite(golden() / "ensemble-1/fusion-1.safetensors", folder / "fusion", "format_version", "3");
  check([&] { FusionReader(folder / "fusion", {}); }, "has fusion format version 3");

  auto const replaced = [&](Path const& file, std::string const& from, std::string const& to) {
    std::string text = read_file(golden() / file, 1 << 20);
    text.replace(text.find(from), from.size(), to);
    put_file(folder / file.filename().string(), text);
  };
  replaced("ensemble-1/ensemble.json", "\"format_version\": 1", "\"format_version\": 2");
  check([&] { EnsembleFolder{folder.path()}; }, "has ensemble format version 2");
  replaced("plan-1.json", "\"version\": 1", "\"version\": 2");
  check([&] { static_cast<void>(load_growth_plan(folder / "plan-1.json")); }, "it has version 2");
  replaced("tokens-1.shard", std::string("accrtoks\1", 9), std::string("accrtoks\2", 9));
  check([&] { TokenShard{folder / "tokens-1.shard"}; }, "expected format version 1, got 2");

  // What is no number is damage, not the future.
  rewrite(golden() / "checkpoint-2.safetensors", folder / "checkpoint", "format_version", "new");
  BOOST_CHECK_EXCEPTION(CheckpointReader{folder / "checkpoint"}, FileError,
                        [&](FileError const& error) {
                          return std::string(error.what()).find(advice) == std::string::npos;
                        });
}

BOOST_AUTO_TEST_SUITE_END()
