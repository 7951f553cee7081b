/// Writes checkpoints.
#pragma once

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <accrete/io/safetensors.hpp>
#include <accrete/train/checkpoint_entries.hpp>
#include <accrete/train/checkpoint_snapshot.hpp>
#include <accrete/train/trainer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Collects what belongs into one checkpoint and writes it whole or not at all:
///
///     CheckpointWriter{model}.with(trainer).with(batches).save("run/checkpoint.safetensors");
///
/// Tensors: "parameter.<name>", and with a trainer "first_moment.<name>" and "second_moment.<name>" of what is active.
/// The header says format version, library, engine, architecture, structure, substrate and the states as JSON.
template <Trainable Model>
class CheckpointWriter {
 public:
  using Backend = typename Model::Backend;

  explicit CheckpointWriter(Model& model) : model_(model) {
    state_["library"] = Json(ACCRETE_VERSION_STRING);
    state_["engine"] = Json(model.backend().description());
    state_["architecture"] = model.describe();
    state_["structure"] = model.structure();
    state_["substrate"] = Json(model.substrate().fingerprint());
    state_["substrate_identity"] = to_json(model.substrate().identity());
  }

  CheckpointWriter& with(Trainer<Model> const& trainer) {
    trainer.require_current();
    trainer_ = &trainer;
    Json json = Json::object();
    json["steps_done"] = Json(trainer.steps_done());
    json["total_tokens"] = Json(trainer.total_tokens());
    json["guard"] = trainer.guard().state();
    Json before = Json::object();
    for (auto const& active : trainer.active().segments())
      for (std::size_t i = 0; i < active.steps_before.size(); ++i)
        if (active.steps_before[i] > 0)
          before[active.prefix + active.segment->entries()[i].name] = Json(active.steps_before[i]);
    if (before.size() > 0) json["steps_before"] = std::move(before);
    state_["trainer"] = std::move(json);
    return *this;
  }
  CheckpointWriter& with(BatchSource auto const& batches) {
    state_["batches"] = batches.state();
    return *this;
  }
  /// Whatever a program wants to find again.
  CheckpointWriter& with_extra(Json extra) {
    state_["extra"] = std::move(extra);
    return *this;
  }

  /// The loss (nats) by which a CheckpointFolder knows its best; none if it is not finite.
  CheckpointWriter& with_validation_loss(double loss) {
    if (std::isfinite(loss)) state_["validation_loss"] = Json(loss);
    return *this;
  }

  void save(std::filesystem::path const& path) const;
  /// The same file in memory: later steps do not change it. `old`, a snapshot that is needed no more, leaves it its memory.
  [[nodiscard]] CheckpointSnapshot snapshot(CheckpointSnapshot old = {}) const;

 private:
  /// Calls f(kind, prefix, entry, run of values) for every tensor, whose name is kind + prefix + entry.name.
  template <class F>
  void for_each_tensor(F&& f) const;
  [[nodiscard]] std::map<std::string, std::string> metadata() const {
    return {{"format", "accrete checkpoint"},
            {"format_version", std::to_string(checkpoint_format_version)},
            {"state", state_.dump()}};
  }

  Model& model_;
  Trainer<Model> const* trainer_ = nullptr;
  Json state_ = Json::object();
};

template <Trainable Model>
template <class F>
void CheckpointWriter<Model>::for_each_tensor(F&& f) const {
  detail::for_each_model_entry(
      model_, [&](std::string const& prefix, auto& segment, SegmentEntry const& entry) {
        f("parameter.", prefix, entry, detail::run_of(segment.values(), entry));
      });
  if (trainer_ == nullptr) return;
  for (auto const& active : trainer_->active().segments())
    for (auto const& entry : active.segment->entries()) {
      f("first_moment.", active.prefix, entry, detail::run_of(active.first_moment, entry));
      f("second_moment.", active.prefix, entry, detail::run_of(active.second_moment, entry));
    }
}

template <Trainable Model>
void CheckpointWriter<Model>::save(std::filesystem::path const& path) const {
  SafetensorsWriter file;
  file.set_metadata(metadata());
  for_each_tensor(
      [&](std::string_view kind, std::string_view prefix, SegmentEntry const& entry, auto const&) {
        file.declare(detail::joined_name(kind, prefix, entry.name),
                     dtype_of<TypeOf<Backend, Master>>(), entry.shape);
      });
  file.add_hashes();
  file.open(path);
  for_each_tensor([&, next = file.tensors().begin()](auto const&, auto const&, auto const&,
                                                     auto const& values) mutable {
    file.write((next++)->name, host_copy(model_.backend(), values));
  });
  file.commit();
}

template <Trainable Model>
CheckpointSnapshot CheckpointWriter<Model>::snapshot(CheckpointSnapshot old) const {
  Index bytes = 0;
  for_each_tensor([&](auto const&, auto const&, auto const&, auto const& values) {
    bytes += values.count() * static_cast<Index>(sizeof(TypeOf<Backend, Master>));
  });
  CheckpointSnapshot copy(metadata(), static_cast<std::size_t>(bytes), std::move(old));
  for_each_tensor([&](std::string_view kind, std::string_view prefix, SegmentEntry const& entry,
                      auto const& values) {
    copy.add(detail::joined_name(kind, prefix, entry.name), entry.shape,
             host_copy(model_.backend(), values));
  });
  return copy;
}

ACCRETE_END_NAMESPACE
