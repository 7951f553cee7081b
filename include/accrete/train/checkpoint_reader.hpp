/// Reads checkpoints.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>

#include <accrete/io/format_version.hpp>
#include <accrete/io/safetensors.hpp>
#include <accrete/train/checkpoint_entries.hpp>
#include <accrete/train/trainer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Reads a checkpoint. First the model, then what was made for it:
///
///     CheckpointReader checkpoint("run/checkpoint.safetensors");
///     checkpoint.restore(model);
///     Trainer trainer{model, optimizer, options};
///     checkpoint.restore(trainer);
///     checkpoint.restore(batches);
class CheckpointReader {
 public:
  /// Throws FileError for a file that is missing, damaged, foreign, or of a newer format.
  explicit CheckpointReader(std::filesystem::path const& path, Verify verify = Verify::yes);

  /// Grows the model through the saved stages and loads all parameters. Throws MismatchError where substrate,
  /// architecture or stages differ, and FileError where a tensor is missing or of another shape, before anything is
  /// changed; only a disk that fails in the midst of reading, or a tensor that is found to be damaged, leaves a model
  /// half loaded (`verify` before that, if it matters).
  template <Trainable Model>
  void restore(Model& model) const;
  /// Throws what `restore` would throw before it changes anything.
  template <Trainable Model>
  void check(Model const& model) const;
  /// Loads moments and counts; the trainer then goes on as if it had never stopped. Throws like the above.
  template <Trainable Model>
  void restore(Trainer<Model>& trainer) const;
  void restore(BatchSource auto& batches) const { batches.restore(part("batches")); }

  /// Reads the whole file. Throws FileError for the first tensor that is not what was saved.
  void verify() const { file_.verify(); }

  [[nodiscard]] Json const& state() const { return state_; }
  /// What `with_extra` was given. Throws FileError where the file has none.
  [[nodiscard]] Json const& extra() const { return part("extra"); }
  /// Whether the file holds a trainer's state.
  [[nodiscard]] bool has_trainer() const { return state_.contains("trainer"); }

 private:
  [[nodiscard]] Json const& part(std::string const& key) const;
  void check_substrate(Substrate const& substrate) const;
  template <class Model>
  void check_model(Model const& model) const;
  /// Runs f; what it throws will name the file.
  template <class F>
  void naming_the_file(F&& f) const;
  /// Throws unless the file has a tensor of this name and shape whose elements can become T.
  template <class T, class Shape>
  void check_tensor(std::string const& name, Shape const& shape) const;

  SafetensorsReader file_;
  Json state_;
};

inline CheckpointReader::CheckpointReader(std::filesystem::path const& path, Verify verify)
    : file_(path, verify) {
  auto const& metadata = file_.metadata();
  auto const value = [&](char const* key) {  // no copy: the state may be most of a hostile file
    auto const found = metadata.find(key);
    return found == metadata.end() ? std::string_view() : std::string_view(found->second);
  };
  if (value("format") != "accrete checkpoint")
    throw FileError(path.string(), "is a safetensors file but not a checkpoint of accrete");
  if (value("format_version") == std::to_string(checkpoint_format_version))
    file_.require_hashes();
  else if (value("format_version") != "1")
    throw FileError(path.string(),
                    message("has checkpoint format version ", value("format_version"),
                            ", this library reads version ", checkpoint_format_version,
                            advice_on_version(value("format_version"), checkpoint_format_version)));
  state_ = Json::parse(value("state"), path.string() + " (state)");
  if (!state_.is_object()) throw FileError(path.string(), "its state is no JSON object");
}

inline Json const& CheckpointReader::part(std::string const& key) const {
  Json const* const found = state_.find(key);
  if (found == nullptr) throw FileError(file_.path().string(), "holds no state of \"" + key + "\"");
  return *found;
}

template <class T, class Shape>
void CheckpointReader::check_tensor(std::string const& name, Shape const& shape) const {
  TensorInfo const& tensor = file_.at(name);
  if (!std::equal(tensor.shape.begin(), tensor.shape.end(), shape.begin(), shape.end()))
    throw FileError(file_.path().string(),
                    "tensor " + name + " has another shape than the model's");
  if (!converts_to<T>(tensor.dtype))
    throw FileError(file_.path().string(), message("tensor ", name, " is ", name_of(tensor.dtype),
                                                   ", which no model is made of"));
}

inline void CheckpointReader::check_substrate(Substrate const& substrate) const {
  std::string const& saved = part("substrate").as_string();
  if (saved == substrate.fingerprint()) return;
  std::string refusal = message("it was trained on the substrate ", saved,
                                ", this model stands on ", substrate.fingerprint());
  if (Json const* const identity = state_.find("substrate_identity"))
    refusal += ": " + difference(substrate_identity_from_json(*identity), substrate.identity());
  auto const& ancestors = substrate.ancestors();
  if (std::any_of(ancestors.begin(), ancestors.end(),
                  [&](auto const& ancestor) { return ancestor.fingerprint == saved; }))
    refusal +=
        "; restore it into a model on the substrate that it was trained on, and let that model "
        "grow_vocabulary";
  throw MismatchError(refusal);
}

namespace detail {
/// The number of blocks in a saved structure, however nested.
[[nodiscard]] inline std::uint64_t blocks_in(Json const& structure) {
  std::uint64_t blocks = 0;
  if (Json const* const stages = structure.find("stages"))
    for (Json const& stage : stages->as_array())  // clamped: the sum must not overflow
      blocks += static_cast<std::uint64_t>(std::clamp<Index>(stage.as_int(), 0, Index{1} << 32));
  if (Json const* const experts = structure.find("experts"))
    for (Json const& expert : experts->as_array()) blocks += blocks_in(expert);
  return blocks;
}
}  // namespace detail

template <class F>
void CheckpointReader::naming_the_file(F&& f) const try {
  f();
} catch (MismatchError const& error) {
  throw MismatchError(message(file_.path().string(), ": ", error.what()));
} catch (ValueError const& error) {
  throw FileError(file_.path().string(), message("its state is damaged: ", error.what()));
}

template <class Model>
void CheckpointReader::check_model(Model const& model) const {
  using Backend = typename Model::Backend;
  check_substrate(model.substrate());
  if (part("architecture") != model.describe())
    throw MismatchError(message("its architecture is ", part("architecture").dump(),
                                ", this model's is ", model.describe().dump()));
  // A block has at least one tensor: a file cannot make a model grow beyond its own size.
  Json const& structure = part("structure");
  if (detail::blocks_in(structure) > file_.tensors().size())
    throw FileError(file_.path().string(),
                    "its structure names more blocks than the file has tensors");
  model.check_structure(structure, [&](std::string const& name, auto const& parameter) {
    check_tensor<TypeOf<Backend, Master>>("parameter." + name, parameter.sizes());
  });
}

template <Trainable Model>
void CheckpointReader::check(Model const& model) const {
  naming_the_file([&] { check_model(model); });
}

template <Trainable Model>
void CheckpointReader::restore(Model& model) const {
  naming_the_file([&] {
    check_model(model);
    model.restore_structure(part("structure"));
    detail::for_each_model_entry(
        model, [&](std::string const& prefix, auto& segment, auto const& entry) {
          std::string const name = detail::joined_name("parameter.", prefix, entry.name);
          segment.fill(entry, [&](auto values) { file_.read_as(file_.at(name), values); });
        });
  });
}

template <Trainable Model>
void CheckpointReader::restore(Trainer<Model>& trainer) const try {
  using Backend = typename Model::Backend;
  trainer.require_current();
  Json const& state = part("trainer");
  Index const steps_done = state.at("steps_done").as_int();
  Index const total_tokens = state.at("total_tokens").as_int();
  if (steps_done < 0 || total_tokens < 0)
    throw ValueError(
        message("a trainer cannot have done ", steps_done, " steps on ", total_tokens, " tokens"));
  StepGuard guard(trainer.options().guard);
  if (Json const* const saved = state.find("guard")) guard.restore(*saved);
  auto const for_each_moment = [&](auto&& f) {
    for (auto& active : trainer.active().segments())
      for (auto const& entry : active.segment->entries()) {
        f("first_moment." + active.prefix + entry.name, active.first_moment, entry);
        f("second_moment." + active.prefix + entry.name, active.second_moment, entry);
      }
  };
  for_each_moment([&](std::string const& name, auto const&, auto const& entry) {
    check_tensor<TypeOf<Backend, Master>>(name, entry.shape);
  });
  Json const* const before = state.find("steps_before");
  auto const steps_before = [&](std::string const& name) {
    Json const* const found = before == nullptr ? nullptr : before->find(name);
    Index const steps = found == nullptr ? 0 : found->as_int();
    if (steps < 0 || steps > Index{1} << 60)
      throw ValueError(message("moments cannot have seen ", steps, " steps"));
    return steps;
  };
  for (auto const& active : trainer.active().segments())
    for (auto const& entry : active.segment->entries())
      static_cast<void>(steps_before(active.prefix + entry.name));
  for_each_moment([&](std::string const& name, auto const& run, auto const& entry) {
    fill_from_host(trainer.backend(), detail::run_of(run, entry),
                   [&](auto values) { file_.read_as(file_.at(name), values); });
  });
  for (auto& active : trainer.active().segments())
    for (std::size_t i = 0; i < active.steps_before.size(); ++i)
      active.steps_before[i] = steps_before(active.prefix + active.segment->entries()[i].name);
  trainer.guard() = guard;
  trainer.resume(steps_done, total_tokens);
} catch (ValueError const& error) {
  throw FileError(file_.path().string(), message("its state is damaged: ", error.what()));
}

ACCRETE_END_NAMESPACE
