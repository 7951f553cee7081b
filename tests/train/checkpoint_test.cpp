#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/failing_file_calls.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(checkpoint)

namespace {

constexpr Index vocabulary = 23;
constexpr BlockConfig narrow{.model_dim = 16, .head_count = 2, .hidden_dim = 24};
constexpr BlockConfig wide{.model_dim = 32, .head_count = 4, .hidden_dim = 16};

using Model = GrowingModel<Cpu>;
using Learned = GrowingModel<Cpu, LearnedEmbedding>;
using Merged = Ensemble<Model, Model>;

template <class M = Model>
M make(std::vector<Index> const& stages, BlockConfig const& block = narrow, std::uint64_t seed = 1,
       std::uint64_t substrate_seed = 1) {
  M model{Cpu(1),
          random_substrate(vocabulary, 8, substrate_seed),
          {.seed = seed, .planned_depth = 3, .block = block}};
  for (Index const blocks : stages) model.body().grow(blocks);
  return model;
}

Batches small_batches() {
  return random_batches(vocabulary, 2, 5);
}

TrainerOptions options(Index steps) {
  return {.steps = steps, .schedule = {.warmup_steps = 3, .steps = 0}};
}

template <class M>
std::vector<float> moments_of(Trainer<M> const& trainer) {
  std::vector<float> values;
  for (auto const& part : trainer.active().segments())
    for (auto const run : {part.first_moment, part.second_moment})
      values.insert(values.end(), run.span().begin(), run.span().end());
  return values;
}

/// Twelve steps at once against five steps, a checkpoint, a new process's objects, and seven steps.
template <class MakeModel, class MakeEmpty>
void check_resume(MakeModel make_model, MakeEmpty make_empty) {
  ScratchFolder const folder;
  auto const path = folder / "checkpoint.safetensors";
  std::vector<double> expected_losses, losses;

  auto whole = make_model();
  Batches whole_batches = small_batches();
  Trainer uninterrupted{whole, AdamW{.learning_rate = 1e-2}, options(12)};
  while (uninterrupted.steps_done() < 12)
    expected_losses.push_back(uninterrupted.step(whole_batches).loss);

  {
    auto model = make_model();
    Batches batches = small_batches();
    Trainer trainer{model, AdamW{.learning_rate = 1e-2}, options(12)};
    while (trainer.steps_done() < 5) losses.push_back(trainer.step(batches).loss);
    CheckpointWriter{model}.with(trainer).with(batches).with_extra(Json("so far")).save(path);
  }

  CheckpointReader const checkpoint(path);
  BOOST_TEST(checkpoint.has_trainer());
  BOOST_TEST(checkpoint.extra().as_string() == "so far");
  auto model = make_empty();
  checkpoint.restore(model);
  Batches batches = small_batches();
  Trainer trainer{model, AdamW{.learning_rate = 1e-2}, options(12)};
  checkpoint.restore(trainer);
  checkpoint.restore(batches);
  BOOST_TEST(trainer.steps_done() == 5);
  while (trainer.steps_done() < 12) losses.push_back(trainer.step(batches).loss);

  BOOST_TEST(same_bits(losses, expected_losses));
  BOOST_TEST(same_bits(parameters_of(model), parameters_of(whole)));
  BOOST_TEST(same_bits(moments_of(trainer), moments_of(uninterrupted)));
  BOOST_TEST(trainer.total_tokens() == uninterrupted.total_tokens());
  BOOST_TEST((model.structure() == whole.structure()));
}

/// A file with the tensors of `path` and another text in its header. `edit` changes the state or the metadata.
template <class Edit>
void rewrite(std::filesystem::path const& path, std::filesystem::path const& target, Edit edit) {
  SafetensorsReader const reader(path);
  auto metadata = reader.metadata();
  Json state = Json::parse(metadata.at("state"), "state");
  edit(metadata, state);
  metadata["state"] = state.dump();
  SafetensorsWriter writer;
  writer.set_metadata(metadata);
  for (TensorInfo const& tensor : reader.tensors())
    writer.declare(tensor.name, tensor.dtype, tensor.shape);
  writer.add_hashes();
  writer.open(target);
  for (TensorInfo const& tensor : reader.tensors()) {
    std::vector<std::byte> bytes(tensor.byte_count());
    reader.read(tensor, bytes);
    writer.write(tensor.name, bytes);
  }
  writer.commit();
}

/// A trained model's file, and files made of it, each refused with a sentence that names it; the model stays as it was.
struct Refusals {
  Refusals() {
    Model model = make({1, 2});
    Batches batches = small_batches();
    Trainer trainer{model, AdamW{}, options(3)};
    trainer.fit(batches);
    CheckpointWriter{model}.with(trainer).with(batches).save(path);
    content = read_file(path, 1 << 24);
  }

  template <class ErrorType = FileError, class M>
  void refuse(M& model, std::filesystem::path const& file, std::string const& sentence) {
    auto const before = parameters_of(model);
    Json const structure = model.structure();
    ModelStamp const stamp = model.stamp();
    BOOST_CHECK_EXCEPTION(CheckpointReader(file).restore(model), ErrorType,
                          [&](ErrorType const& error) {
                            return says(sentence)(error) && says(file.string())(error);
                          });
    BOOST_TEST(same_bits(parameters_of(model), before));
    BOOST_TEST((model.structure() == structure));
    BOOST_TEST((model.stamp() == stamp));
  }
  template <class ErrorType = FileError, class Edit>
  void refuse_edited(Edit edit, std::string const& sentence) {
    auto const file = folder / "edited.safetensors";
    rewrite(path, file, edit);
    Model empty = make({}), like_the_file = make({1, 2}, narrow, 9);
    BOOST_TEST_CONTEXT("an empty model") {
      refuse<ErrorType>(empty, file, sentence);
    }
    BOOST_TEST_CONTEXT("a model with the same stages") {
      refuse<ErrorType>(like_the_file, file, sentence);
    }
  }

  ScratchFolder folder;
  std::filesystem::path path = folder / "checkpoint.safetensors";
  std::string content;
};

using Metadata = std::map<std::string, std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(grown_model_goes_on_as_if_it_had_never_stopped) {
  auto const mid_stage = [] {
    Model model = make({2});
    Batches batches = small_batches();
    Trainer{model, AdamW{}, options(3)}.fit(batches);
    model.body().grow(1);
    return model;
  };
  check_resume(mid_stage, [] { return make({}, narrow, 99); });
  check_resume(mid_stage, [] { return make({2, 1}, narrow, 99); });  // grown before it is restored
}

BOOST_AUTO_TEST_CASE(learned_embedding_goes_on_as_if_it_had_never_stopped) {
  check_resume([] { return make<Learned>({2}); }, [] { return make<Learned>({}, narrow, 99); });
  check_resume([] { return make<Learned>({1, 1}); }, [] { return make<Learned>({}, narrow, 99); });
}

BOOST_AUTO_TEST_CASE(ensemble_goes_on_as_if_it_had_never_stopped) {
  check_resume(
      [] {
        Model first = make({1, 1}), second = make({1}, wide, 2);
        first.body().freeze();
        return Merged(std::move(first), std::move(second));
      },
      [] { return Merged(make({}, narrow, 98), make({}, wide, 99)); });
}

BOOST_AUTO_TEST_CASE(freezing_is_restored) {
  ScratchFolder const folder;
  Learned model = make<Learned>({1});
  model.freeze_embedding();
  model.body().freeze();
  CheckpointWriter{model}.save(folder / "frozen.safetensors");
  Learned restored = make<Learned>({});
  CheckpointReader const reader(folder / "frozen.safetensors");
  reader.restore(restored);
  BOOST_TEST(!restored.embedding_trains());
  BOOST_TEST(restored.body().first_trainable() == 1);
  BOOST_TEST(same_bits(parameters_of(restored), parameters_of(model)));

  BOOST_TEST(!reader.has_trainer());
  Trainer trainer{restored, AdamW{}};
  Batches batches = small_batches();
  BOOST_CHECK_EXCEPTION(reader.restore(trainer), FileError, says("holds no state of \"trainer\""));
  BOOST_CHECK_EXCEPTION(reader.restore(batches), FileError, says("holds no state of \"batches\""));
  BOOST_CHECK_EXCEPTION(static_cast<void>(reader.extra()), FileError,
                        says("holds no state of \"extra\""));
}

BOOST_AUTO_TEST_CASE(file_names_its_engine_and_substrate) {
  ScratchFolder const folder;
  Model model = make({1});
  CheckpointWriter{model}.save(folder / "model.safetensors");
  Json const state = CheckpointReader(folder / "model.safetensors").state();
  BOOST_TEST(state.at("engine").as_string() == model.backend().description());
  BOOST_TEST(state.at("substrate").as_string() == model.substrate().fingerprint());
  BOOST_TEST(state.at("library").as_string() == ACCRETE_VERSION_STRING);
}

BOOST_AUTO_TEST_CASE(floats_load_into_a_double_model) {
  ScratchFolder const folder;
  Model model = make({1});
  CheckpointWriter{model}.save(folder / "model.safetensors");
  GrowingModel<Double> exact{
      Double{}, random_substrate(vocabulary, 8), {.planned_depth = 3, .block = narrow}};
  CheckpointReader(folder / "model.safetensors").restore(exact);
  BOOST_TEST(all_close(parameters_of(exact), parameters_of(model), 0, 0));
}

BOOST_AUTO_TEST_CASE(missing_empty_and_foreign_files_are_refused) {
  Refusals files;
  Model model = make({1});
  files.refuse(model, files.folder / "absent.safetensors", "No such file");
  write_file_atomically(files.folder / "empty", "");
  files.refuse(model, files.folder / "empty", "is empty, not a safetensors file");
  write_file_atomically(files.folder / "text", "Once upon a time there was a little checkpoint.");
  files.refuse(model, files.folder / "text", "no safetensors file");
  SafetensorsWriter writer;
  writer.declare("weight", DType::f32, {2});
  writer.open(files.folder / "foreign");
  writer.write("weight", std::vector<float>{1, 2});
  writer.commit();
  files.refuse(model, files.folder / "foreign",
               "is a safetensors file but not a checkpoint of accrete");
  random_substrate(vocabulary, 8).save(files.folder / "substrate");
  files.refuse(model, files.folder / "substrate",
               "is a safetensors file but not a checkpoint of accrete");
}

BOOST_AUTO_TEST_CASE(file_cut_anywhere_is_refused) {
  Refusals files;
  auto const file = files.folder / "cut";
  std::size_t const header = files.content.find("\"__metadata__\"") + 8000;
  Model model = make({});
  for (std::size_t length = 1; length < files.content.size();
       length += length < header ? 397 : 7919) {
    write_file_atomically(file, files.content.substr(0, length));
    BOOST_TEST_CONTEXT("cut to " << length << " bytes") {
      files.refuse(model, file, ": offset ");
    }
  }
  write_file_atomically(file, files.content.substr(0, files.content.size() - 1));
  files.refuse(model, file, "offset");
}

BOOST_AUTO_TEST_CASE(other_format_versions_are_refused_by_name) {
  Refusals files;
  files.refuse_edited([](Metadata& metadata, Json&) { metadata["format_version"] = "3"; },
                      "has checkpoint format version 3, this library reads version 2");
}

BOOST_AUTO_TEST_CASE(other_substrate_is_refused_with_both_fingerprints) {
  Refusals files;
  Model model = make({}, narrow, 1, 77);
  files.refuse<MismatchError>(model, files.path, random_substrate(vocabulary, 8, 1).fingerprint());
  files.refuse<MismatchError>(model, files.path,
                              "this model stands on " + model.substrate().fingerprint());
}

BOOST_AUTO_TEST_CASE(refusal_of_another_substrate_says_what_differs) {
  Refusals files;
  Model other_table = make({}, narrow, 1, 77);
  files.refuse<MismatchError>(other_table, files.path, ": the tables differ (one is {}");
  Model larger{Cpu(1), random_substrate(vocabulary + 2, 8), {.planned_depth = 3, .block = narrow}};
  files.refuse<MismatchError>(larger, files.path, "the vocabularies have 23 and 25 tokens");
  // Files that were written before checkpoints said more than the fingerprint.
  auto const file = files.folder / "older";
  rewrite(files.path, file, [](Metadata&, Json& state) {
    Json older = Json::object();
    for (auto const& [key, value] : state.as_object())
      if (key != "substrate_identity") older[key] = value;
    state = older;
  });
  files.refuse<MismatchError>(larger, file, "this model stands on");
  Model model = make({});
  BOOST_CHECK_NO_THROW(CheckpointReader(file).restore(model));
}

BOOST_AUTO_TEST_CASE(other_architecture_is_refused_by_name) {
  Refusals files;
  Model broad = make({1, 2}, wide);
  files.refuse<MismatchError>(broad, files.path, "its architecture is {\"type\":\"decoder\"");
  Learned learned = make<Learned>({});
  files.refuse<MismatchError>(learned, files.path, "this model's is {\"type\":\"decoder\"");
  Merged merged(make({}), make({}, narrow, 2));
  files.refuse<MismatchError>(merged, files.path, "this model's is {\"type\":\"ensemble\"");
}

BOOST_AUTO_TEST_CASE(other_stages_are_refused_by_name) {
  Refusals files;
  for (auto const& stages : std::vector<std::vector<Index>>{{1}, {3}, {2, 1}, {1, 2, 1}}) {
    Model model = make(stages);
    files.refuse<MismatchError>(model, files.path,
                                "the file's stages of blocks are [1,2], this model's are [");
  }
}

BOOST_AUTO_TEST_CASE(hostile_structures_are_refused_before_anything_grows) {
  Refusals files;
  auto const with_structure = [](Json structure) {
    return [structure = std::move(structure)](Metadata&, Json& state) {
      state["structure"] = structure;
    };
  };
  auto const structure = [](std::string const& stages, std::string const& first) {
    return Json::parse(R"({"stages":)" + stages + R"(,"first_trainable":)" + first +
                           R"(,"embedding_frozen":false})",
                       "");
  };
  char const* const too_many = "its structure names more blocks than the file has tensors";
  files.refuse_edited(with_structure(structure("[1000000000]", "0")), too_many);
  files.refuse_edited(with_structure(structure("[9223372036854775807,9223372036854775807,2]", "0")),
                      too_many);
  std::string many = "[1";
  for (int i = 0; i < 2000; ++i) many += ",1";
  files.refuse_edited(with_structure(structure(many + "]", "0")), too_many);
  Model empty = make({});
  auto const file = files.folder / "hostile";
  for (auto const& [stages, first, sentence] :
       {std::tuple{"[1,3]", "1", "has no tensor \"parameter.blocks.3."},
        std::tuple{"[1,2]", "2", "the file trains blocks from 2"},
        std::tuple{"[1,2]", "-1", "the file trains blocks from -1"},
        std::tuple{"[0,3]", "0", "a stage of 0 blocks"},
        std::tuple{"[3,-1]", "0", "a stage of -1 blocks"}}) {
    rewrite(files.path, file, with_structure(structure(stages, first)));
    BOOST_TEST_CONTEXT(stages) {
      files.refuse<Error>(empty, file, sentence);
    }
  }
}

BOOST_AUTO_TEST_CASE(state_of_other_types_is_damaged) {
  Refusals files;
  auto const with = [](char const* key, char const* text) {
    return [=](Metadata&, Json& state) { state[key] = Json::parse(text, ""); };
  };
  files.refuse_edited(with("structure", "[]"), "its state is damaged");
  files.refuse_edited(with("structure", R"({"stages":7})"), "its state is damaged");
  files.refuse_edited(
      with("structure", R"({"stages":["one"],"first_trainable":0,"embedding_frozen":false})"),
      "its state is damaged");
  files.refuse_edited(with("substrate", "12"), "its state is damaged");
  files.refuse_edited(
      [](Metadata&, Json& state) {
        state["substrate"] = Json("0123");
        state["substrate_identity"] = Json("0123");
      },
      "its state is damaged");
  files.refuse_edited([](Metadata&, Json& state) { state = Json("nothing"); },
                      "its state is no JSON object");
  files.refuse_edited([](Metadata&, Json& state) { state = Json::object(); },
                      "holds no state of \"substrate\"");
}

BOOST_AUTO_TEST_CASE(missing_and_misshapen_tensors_are_refused_before_anything_changes) {
  Refusals files;
  auto const file = files.folder / "changed";
  SafetensorsReader const reader(files.path);
  // The last tensor of the model is missing; a matrix lies on its side.
  for (bool const missing : {true, false}) {
    std::string const name =
        missing ? "parameter.head.linear.bias" : "parameter.blocks.2.feed_forward.down.weight";
    SafetensorsWriter writer;
    writer.set_metadata(reader.metadata());
    auto const leaves_out = [&](TensorInfo const& tensor) {
      return missing && tensor.name == name;
    };
    for (TensorInfo const& tensor : reader.tensors()) {
      auto shape = tensor.shape;
      if (tensor.name == name) std::reverse(shape.begin(), shape.end());
      if (!leaves_out(tensor)) writer.declare(tensor.name, tensor.dtype, shape);
    }
    writer.add_hashes();
    writer.open(file);
    for (TensorInfo const& tensor : reader.tensors())
      if (!leaves_out(tensor)) writer.write(tensor.name, reader.read_vector<float>(tensor.name));
    writer.commit();
    Model empty = make({}), grown = make({1, 2}, narrow, 9);
    files.refuse(empty, file, name);
    files.refuse(grown, file, name);
  }
}

BOOST_AUTO_TEST_CASE(trainer_of_another_stage_is_refused_and_stays_as_it_was) {
  Refusals files;
  CheckpointReader const checkpoint(files.path);
  Model model = make({});
  checkpoint.restore(model);
  auto const check = [&](Model& trained, std::string const& sentence,
                         CheckpointReader const& reader) {
    Trainer trainer{trained, AdamW{}, options(9)};
    Batches batches = small_batches();
    trainer.step(batches);
    auto const moments = moments_of(trainer);
    BOOST_CHECK_EXCEPTION(reader.restore(trainer), FileError, says(sentence));
    BOOST_TEST(same_bits(moments_of(trainer), moments));
    BOOST_TEST(trainer.steps_done() == 1);
  };
  model.body().grow(1);
  check(model, "has no tensor \"first_moment.blocks.3.", checkpoint);

  auto const file = files.folder / "edited";
  rewrite(files.path, file,
          [](Metadata&, Json& state) { state["trainer"]["steps_done"] = Json(-3); });
  Model same = make({1, 2});
  check(same, "its state is damaged: a trainer cannot have done -3 steps", CheckpointReader(file));
  rewrite(files.path, file,
          [](Metadata&, Json& state) { state["trainer"]["total_tokens"] = Json("many"); });
  check(same, "its state is damaged", CheckpointReader(file));
}

BOOST_AUTO_TEST_CASE(trainer_from_before_a_growth_is_neither_saved_nor_loaded) {
  ScratchFolder const folder;
  auto const path = folder / "checkpoint.safetensors";
  Model model = make({1});
  Trainer trainer{model, AdamW{}, options(3)};
  CheckpointWriter{model}.with(trainer).save(path);
  model.body().grow(1);
  BOOST_CHECK_EXCEPTION(CheckpointWriter{model}.with(trainer), MismatchError,
                        says("has grown or frozen since this trainer was made"));
  BOOST_CHECK_EXCEPTION(CheckpointReader(path).restore(trainer), MismatchError,
                        says("has grown or frozen since this trainer was made"));
}

BOOST_AUTO_TEST_CASE(checkpoint_that_cannot_be_placed_is_named) {
  ScratchFolder const folder;
  Model model = make({1});
  BOOST_CHECK_EXCEPTION(CheckpointWriter{model}.save(folder / "no/such/folder/file"), FileError,
                        says("no/such/folder"));
  BOOST_CHECK_EXCEPTION(CheckpointWriter{model}.save(folder.path()), FileError,
                        says(folder.path().string()));
}

BOOST_AUTO_TEST_SUITE_END()
