// The specification that descriptions turn into, and its accessors.
#include "config/spec.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "config/describe.h"
#include "config/schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::spec_test {
namespace {

using ::testing::ElementsAre;

const FieldSpec& FieldOf(const MapSpec& spec, std::string_view key) {
  return spec.Find(key);
}

TEST(Spec, HasTheFieldsOfAStructInOrderAndItsDefaults) {
  const MapSpec& spec = SpecOf<Drain>();
  EXPECT_THAT(spec.Keys(), ElementsAre("window", "deadline", "code", "reload"));
  EXPECT_EQ(*static_cast<const Drain*>(spec.defaults.get()), Drain());
  EXPECT_EQ(&SpecOf<Drain>(), &spec) << "made once";
  EXPECT_EQ(FieldOf(spec, "reload").value.map, &SpecOf<ReloadDrain>());
}

TEST(Spec, ReachesEveryFieldOfAnObject) {
  Drain drain;
  drain.window = 7s;
  const FieldSpec& window = FieldOf(SpecOf<Drain>(), "window");
  EXPECT_EQ(window.In(&drain), &drain.window);
  EXPECT_EQ(window.value.leaf->json(window.value.rules.get(), window.In(&drain)), "7s");
  const Drain other;
  EXPECT_FALSE(window.value.leaf->equal(window.In(&drain), &other.window));
  EXPECT_TRUE(window.value.leaf->equal(&drain.deadline, &other.deadline));
}

TEST(Spec, ReachesWhatOptionalsAndListsHold) {
  Config config;
  const MapSpec& spec = SpecOf<Config>();
  const ValueSpec& listeners = FieldOf(spec, "listeners").value;
  ASSERT_EQ(listeners.kind, ValueSpec::Kind::kList);
  EXPECT_EQ(listeners.list->count(&config.listeners), 0u);
  listeners.list->resize(&config.listeners, 2);
  EXPECT_EQ(listeners.list->at(&config.listeners, 1), &config.listeners[1]);
  EXPECT_EQ(listeners.list->get(&config.listeners, 1), &config.listeners[1]);
  const ValueSpec& tls = FieldOf(*listeners.inner->map, "tls").value;
  ASSERT_EQ(tls.kind, ValueSpec::Kind::kOptional);
  EXPECT_EQ(tls.optional->get(&config.listeners[0].tls), nullptr);
  EXPECT_EQ(tls.optional->emplace(&config.listeners[0].tls), &*config.listeners[0].tls);
  EXPECT_EQ(tls.optional->get(&config.listeners[0].tls), &*config.listeners[0].tls);
}

TEST(Spec, PrintsAnEnumAsItsWord) {
  const FieldSpec& tunnels = FieldOf(SpecOf<EndpointDraining>(), "tunnels");
  const LeavingTunnels close = LeavingTunnels::kClose;
  EXPECT_EQ(tunnels.value.leaf->json(tunnels.value.rules.get(), &close), "close");
  EXPECT_EQ(ExpectedText(tunnels.value), "expected keep, close");
}

}  // namespace
}  // namespace hawser::config::spec_test
