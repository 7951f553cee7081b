/// A graph as the fake device records it: work in an order that is fixed only as far as streams and events say.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace accrete_test {

class FakeGraph {
 public:
  /// Numbers of nodes.
  using Nodes = std::set<std::size_t>;

  /// Adds work that runs after other nodes; `workspace` is what only one node at a time may use. Returns its number.
  std::size_t add(std::function<void()> work, Nodes const& after, void const* workspace) {
    std::vector<bool> before(nodes_.size());
    std::size_t depth = 1;
    for (std::size_t const n : after) {
      before[n] = true;
      depth = std::max(depth, nodes_[n].depth + 1);
      for (std::size_t i = 0; i < n; ++i) before[i] = before[i] || nodes_[n].before[i];
    }
    nodes_.push_back({std::move(work), std::move(before), workspace, depth});
    return nodes_.size() - 1;
  }
  void invalidate() { is_invalid_ = true; }

  [[nodiscard]] bool is_invalid() const { return is_invalid_; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  /// The most nodes that follow one another.
  [[nodiscard]] std::size_t depth() const {
    std::size_t most = 0;
    for (auto const& node : nodes_) most = std::max(most, node.depth);
    return most;
  }
  /// Whether all nodes are among `last` or before them.
  [[nodiscard]] bool ends_with(Nodes const& last) const {
    std::vector<bool> seen(nodes_.size());
    for (std::size_t const end : last) {
      seen[end] = true;
      for (std::size_t i = 0; i < end; ++i) seen[i] = seen[i] || nodes_[end].before[i];
    }
    return std::find(seen.begin(), seen.end(), false) == seen.end();
  }
  /// Whether two nodes that may run at once have one workspace.
  [[nodiscard]] bool shares_a_workspace() const {
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (nodes_[i].workspace != nullptr && nodes_[i].workspace == nodes_[j].workspace &&
            !nodes_[i].before[j])
          return true;
    return false;
  }

  /// Runs all nodes in one of the orders that they allow.
  void run(std::uint64_t seed) const {
    std::vector<bool> done(nodes_.size());
    for (std::size_t count = 0; count < nodes_.size(); ++count) {
      std::vector<std::size_t> ready;
      for (std::size_t i = 0; i < nodes_.size(); ++i)
        if (!done[i] && is_ready(i, done)) ready.push_back(i);
      seed = seed * 6364136223846793005U + 1442695040888963407U;
      std::size_t const next = ready[static_cast<std::size_t>(seed >> 33) % ready.size()];
      nodes_[next].work();
      done[next] = true;
    }
  }

 private:
  struct Node {
    std::function<void()> work;
    std::vector<bool> before;  // whether each earlier node must be done
    void const* workspace;
    std::size_t depth;
  };
  [[nodiscard]] bool is_ready(std::size_t node, std::vector<bool> const& done) const {
    for (std::size_t i = 0; i < node; ++i)
      if (nodes_[node].before[i] && !done[i]) return false;
    return true;
  }

  std::vector<Node> nodes_;
  bool is_invalid_ = false;
};

}  // namespace accrete_test
