/// What submits to a CUDA device in order, and what was recorded there to be run again.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <accrete/backend/cuda/api.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace cuda {

/// Memory that only work of one order may use: for what one operation needs between its launches, and for cuBLASLt.
struct LaneMemory {
  std::mutex mutex;  // of the scratch
  std::shared_ptr<std::byte[]> scratch, workspace;
  Index scratch_bytes = 0;
};

struct Lane {
  OwnedStream stream;
  std::shared_ptr<LaneMemory> memory;
  OwnedEvent event{};  // of a branch: where it begins, then where it ends
};

/// A CUDA graph; it keeps the memory of the lanes that it was recorded on. False if there is none.
class Recording {
 public:
  Recording() = default;
  Recording(std::shared_ptr<Api> api, OwnedGraphExec graph,
            std::vector<std::shared_ptr<std::byte[]>> memory)
      : api_(std::move(api)), memory_(std::move(memory)), graph_(std::move(graph)) {}

  explicit operator bool() const { return graph_.get() != nullptr; }
  [[nodiscard]] GraphExec graph() const { return graph_.get(); }

 private:
  std::shared_ptr<Api> api_;
  std::vector<std::shared_ptr<std::byte[]>> memory_;
  OwnedGraphExec graph_;
};

}  // namespace cuda
ACCRETE_END_NAMESPACE
