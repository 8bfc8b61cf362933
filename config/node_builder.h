// Turns yaml-cpp's events into a Document. Lives for one parse; errors go to the diagnostics, and after an
// error that leaves no tree (`failed`) it ignores the rest of the events.
#pragma once

#include <string>
#include <vector>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/mark.h>

#include "absl/container/flat_hash_map.h"
#include "config/diagnostic.h"
#include "config/node.h"

namespace hawser::config {

Mark ToMark(const YAML::Mark& mark);

// Characters that no configuration holds: all controls but tab and line ends.
bool IsControl(char c);

class NodeBuilder final : public YAML::EventHandler {
 public:
  NodeBuilder(Document& document, const TreeBounds& bounds, Diagnostics& errors)
      : document_(document), bounds_(bounds), errors_(errors) {}

  bool failed() const { return failed_; }

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { Close(); }

 private:
  // Null once the parse has failed.
  Node* Make(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind);
  void Open(Node* node);
  void Close();
  // Adds a node to the innermost open container: as a key, a value or an element.
  void Place(const Node& node);
  void PlaceKey(const Node& node);
  void Finish(Node& node);
  void DropDuplicates(Node& map);
  void Merge(Node& map);
  void MergeFrom(const Node& source, Mark mark, Node& map);
  // Of the innermost container that is open.
  std::string Path() const;
  void Fail(Mark mark, std::string what, std::string expected);

  Document& document_;
  const TreeBounds bounds_;
  Diagnostics& errors_;
  std::vector<Node*> open_;  // from the root inwards; a map with more keys than children waits for a value
  absl::flat_hash_map<YAML::anchor_t, const Node*> anchors_;
  size_t merged_ = 0;  // keys that merges have copied
  bool seen_document_ = false;
  Mark second_document_;  // line 0: there is none so far
  bool failed_ = false;
};

}  // namespace hawser::config
