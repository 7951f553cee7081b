/// Writes checkpoints.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

#include <accrete/io/safetensors.hpp>
#include <accrete/train/checkpoint_entries.hpp>
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

  void save(std::filesystem::path const& path) const;

 private:
  Model& model_;
  Trainer<Model> const* trainer_ = nullptr;
  Json state_ = Json::object();
};

template <Trainable Model>
void CheckpointWriter<Model>::save(std::filesystem::path const& path) const {
  using T = TypeOf<Backend, Master>;
  SafetensorsWriter writer;
  writer.set_metadata({{"format", "accrete checkpoint"},
                       {"format_version", std::to_string(checkpoint_format_version)},
                       {"state", state_.dump()}});
  auto const declare = [&](std::string const& name, SegmentEntry const& entry) {
    writer.declare(name, dtype_of<T>(), entry.shape);
  };
  detail::for_each_model_entry(model_, [&](std::string const& name, auto&, auto const& entry) {
    declare("parameter." + name, entry);
  });
  auto const for_each_active = [&](auto&& f) {
    if (trainer_ == nullptr) return;
    for (auto const& active : trainer_->active().segments())
      for (auto const& entry : active.segment->entries()) f(active, entry);
  };
  for_each_active([&](auto const& active, auto const& entry) {
    declare("first_moment." + active.prefix + entry.name, entry);
    declare("second_moment." + active.prefix + entry.name, entry);
  });

  writer.add_hashes();
  auto const values = [&](auto run, SegmentEntry const& entry) {
    return host_copy(model_.backend(), detail::run_of(run, entry));
  };
  writer.open(path);
  detail::for_each_model_entry(model_,
                               [&](std::string const& name, auto& segment, auto const& entry) {
                                 writer.write("parameter." + name, values(segment.values(), entry));
                               });
  for_each_active([&](auto const& active, auto const& entry) {
    std::string const name = active.prefix + entry.name;
    writer.write("first_moment." + name, values(active.first_moment, entry));
    writer.write("second_moment." + name, values(active.second_moment, entry));
  });
  writer.commit();
}

ACCRETE_END_NAMESPACE
