// The state in a checkpoint, which is JSON: it makes a model, a trainer and batches, or is refused. The tensors are sound.
#include <accrete/accrete.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

using Backend = ReferenceBackend<double>;
using Model =
    Decoder<FrozenGlyphEmbedding, Growable<Stack<TransformerBlock<dynamic_block, Backend>>>>;

Model make_model(Substrate const& substrate) {
  return {Backend{},
          substrate,
          {.planned_depth = 2, .block = {.model_dim = 8, .head_count = 2, .hidden_dim = 12}}};
}

Batches make_batches() {
  return Batches(std::vector<TokenId>{1, 2, 3, 0, 2, 1, 3, 3, 0, 1}, {.batch = 1, .time = 3});
}

/// A checkpoint of two stages, whose state can be exchanged.
class Checkpoint {
 public:
  Checkpoint() {
    Model model = make_model(substrate());
    model.body().grow(1);
    model.body().grow(1);
    Batches batches = make_batches();
    Trainer trainer{model, AdamW{}, {.steps = 1}};
    trainer.fit(batches);
    CheckpointWriter{model}.with(trainer).with(batches).save(sound());
  }
  [[nodiscard]] Substrate const& substrate() const { return substrate_; }
  [[nodiscard]] std::filesystem::path sound() const { return folder_.file(); }
  [[nodiscard]] std::filesystem::path changed() const { return sound().string() + "-2"; }

  void set_state(std::string_view state) const {
    SafetensorsReader const reader(sound());
    SafetensorsWriter writer;
    writer.set_metadata(
        {{"format", "accrete checkpoint"}, {"format_version", "1"}, {"state", std::string(state)}});
    for (TensorInfo const& tensor : reader.tensors())
      writer.declare(tensor.name, tensor.dtype, tensor.shape);
    writer.open(changed());
    for (TensorInfo const& tensor : reader.tensors())
      writer.write(tensor.name, reader.read_vector<double>(tensor.name));
    writer.commit();
  }

 private:
  OutputFolder folder_;
  Substrate substrate_ =
      Substrate::from_table(Vocabulary(std::vector<Token>{{"a"}, {"b"}, {"c"}, {"d"}}, {}),
                            std::vector<float>(16, 0.5f), 4);
};

void read_state(std::string_view state) noexcept {
  static Checkpoint const checkpoint;
  if (!is_valid_utf8(state)) return;  // no file has such metadata
  checkpoint.set_state(state);
  std::string const path = checkpoint.changed().string();
  auto const file = read_or_refuse(path, [&] { return CheckpointReader(path); });
  if (!file) return;
  file->verify();  // of version 1, which has no hashes
  require(file->has_trainer() == file->state().contains("trainer"), "a state says what it has");
  try {
    Model model = make_model(checkpoint.substrate());
    file->restore(model);
    require(model.body().depth() == 2, "the structure is that of the tensors");
    Batches batches = make_batches();
    file->restore(batches);
    Trainer trainer{model, AdamW{}, {.steps = 1}};
    file->restore(trainer);
  } catch (Error const& error) {
    require(std::string_view(error.what()).size() > 2, "an error has a reason");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_state({reinterpret_cast<char const*>(data), size});
  return 0;
}
