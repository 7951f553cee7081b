/// Work that a backend does again and again with the same memory, such as the steps of decoding.
#pragma once

#include <accrete/concepts/backend.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Calls the work the first time, when it allocates what it needs; records it the second time, where the backend can; and
/// from then on repeats the record.
template <ComputeBackend Backend>
class RepeatedWork {
 public:
  /// `work()` submits the same to the backend at each call, and does nothing else.
  template <class F>
  void run(Backend const& backend, F&& work) {
    if constexpr (RecordsWork<Backend>) {
      if (++runs_ == 2) recording_ = backend.record(work);
      if (recording_) return backend.replay(recording_);
    }
    work();
  }

 private:
  template <class B>
  struct RecordingOf {
    struct type {};
  };
  template <RecordsWork B>
  struct RecordingOf<B> {
    using type = typename B::Recording;
  };

  typename RecordingOf<Backend>::type recording_{};
  int runs_ = 0;
};

ACCRETE_END_NAMESPACE
