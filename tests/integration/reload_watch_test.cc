// hawser run --watch: the ways in which editors, deployments and Kubernetes change files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration {
namespace {

namespace fs = std::filesystem;

class ReloadWatch : public testing::Test {
 protected:
  ReloadWatch() : address_(UnusedAddress()) {
    site_.listeners = {ListenerOf("main", address_)};
    site_.routes = {RouteOf("all", "one")};
    site_.clusters = {ClusterOf("one", {echo_.address()})};
  }
  void Start() { hawser_.emplace(site_.Yaml(), 1, Surroundings{.arguments = {"--watch"}}); }
  // The site with a route more.
  std::string WithRoute(const std::string& name) {
    site_.routes.push_back(RouteOf(name, "one"));
    return site_.Yaml();
  }
  testing::AssertionResult Serves(const std::string& path) {
    const auto served = [&] {
      Wire client = Wire::Connect(address_);
      client.Send(PlainGet(path));
      return ReadHead(client).status() == 200;
    };
    if (Eventually(served)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << path << " is not served\n" << hawser_->process().err();
  }
  // Points the link `name` at `target` by a rename, as ln -sfn does not and the kubelet does.
  static void Relink(const fs::path& target, const fs::path& name) {
    const fs::path made = name.string() + ".new";
    fs::create_symlink(target, made);
    fs::rename(made, name);
  }

  EchoBackend echo_{"echo"};
  const std::string address_;
  Site site_;
  std::optional<HawserProcess> hawser_;
};

TEST_F(ReloadWatch, AFileThatIsRenamedIntoPlace) {
  Start();
  for (const char* name : {"first", "second", "third"}) {
    hawser_->Rewrite(WithRoute(name));
    EXPECT_TRUE(Serves(fmt::format("/{}", name)));
  }
  EXPECT_EQ(hawser_->Metric("hawser_config_reloads_total", {"failed"}), 0);
}

TEST_F(ReloadWatch, AFileThatIsWrittenInPlace) {
  Start();
  for (const char* name : {"first", "second", "third"}) {
    WriteConfig(hawser_->directory(), "hawser.yaml", WithRoute(name));
    EXPECT_TRUE(Serves(fmt::format("/{}", name)));
  }
}

TEST_F(ReloadWatch, AFileThatIsRemovedAndWrittenAgain) {
  Start();
  fs::remove(hawser_->config_path());
  WriteConfig(hawser_->directory(), "hawser.yaml", WithRoute("new"));
  EXPECT_TRUE(Serves("/new"));
}

// A mounted ConfigMap: hawser.yaml -> ..data/hawser.yaml, ..data -> a folder with the time in its name. An
// update makes another folder, renames ..data, and removes the old folder.
TEST_F(ReloadWatch, AConfigMapThatIsUpdated) {
  Start();
  const fs::path mount = hawser_->directory().File("mount");
  const auto update = [&](const std::string& folder, const std::string& yaml) {
    fs::create_directories(mount / folder);
    fs::rename(WriteConfig(hawser_->directory(), "staged", yaml), mount / folder / "hawser.yaml");
    Relink(folder, mount / "..data");
  };
  update("..2026_01", site_.Yaml());
  fs::create_symlink("..data/hawser.yaml", mount / "hawser.yaml");
  Relink(mount / "hawser.yaml", hawser_->config_path());
  EXPECT_TRUE(hawser_->MetricReaches("hawser_config_reloads_total", 1, {"unchanged"}));
  update("..2026_02", WithRoute("second"));
  fs::remove_all(mount / "..2026_01");
  EXPECT_TRUE(Serves("/second"));
  update("..2026_03", WithRoute("third"));
  fs::remove_all(mount / "..2026_02");
  EXPECT_TRUE(Serves("/third"));
}

TEST_F(ReloadWatch, ACertificateAlone) {
  const Directory files;
  const CertificateFiles names = MakeCertificate(files, "tls", {"first.test"});
  site_.listeners = {
      ListenerOf("main", address_,
                 fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                             names.certificate, names.private_key))};
  Start();
  const auto served = [this] { return Wire::Connect(address_, {.tls = true}).peer_name(); };
  EXPECT_EQ(served(), "first.test");
  Wire tunnel = Join(address_, {.target = "/all"}, nullptr, {.tls = true});
  MakeCertificate(files, "tls", {"second.test"}, 90, 2);
  EXPECT_TRUE(Eventually([&] { return served() == "second.test"; })) << hawser_->process().err();
  ExpectEcho(tunnel);
}

TEST_F(ReloadWatch, AMountedSecretThatIsUpdated) {
  const Directory mount;
  const auto update = [&](const std::string& folder, const std::string& name, int serial) {
    fs::create_directory(mount.File(folder));
    const CertificateFiles made = MakeCertificate(mount, folder + "/tls", {name}, 90, serial);
    Relink(folder, mount.File("..data"));
  };
  update("..1", "first.test", 1);
  for (const char* file : {"tls.crt", "tls.key"}) {
    fs::create_symlink(fmt::format("..data/{}", file), mount.File(file));
  }
  site_.listeners = {
      ListenerOf("main", address_,
                 fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                             mount.File("tls.crt"), mount.File("tls.key")))};
  Start();
  update("..2", "second.test", 2);
  fs::remove_all(mount.File("..1"));
  EXPECT_TRUE(Eventually([&] { return Wire::Connect(address_, {.tls = true}).peer_name() == "second.test"; }))
      << hawser_->process().err();
  EXPECT_EQ(hawser_->Metric("hawser_config_reloads_total", {"failed"}), 0) << "the pair changes at once";
}

TEST_F(ReloadWatch, AnErrorIsTriedAgainWhenTheFileChanges) {
  Start();
  hawser_->Rewrite("listeners: [");
  EXPECT_TRUE(hawser_->MetricReaches("hawser_config_reloads_total", 1, {"failed"}));
  EXPECT_TRUE(Serves("/all"));
  hawser_->Rewrite(WithRoute("new"));
  EXPECT_TRUE(Serves("/new"));
}

TEST_F(ReloadWatch, ManyChangesAreFewReloads) {
  Start();
  std::string last;
  for (int i = 0; i < 100; ++i) hawser_->Rewrite(WithRoute(last = fmt::format("route-{}", i)));
  EXPECT_TRUE(Serves("/" + last));
  EXPECT_LT(hawser_->Metric("hawser_config_reloads_total"), 50);
}

}  // namespace
}  // namespace hawser::integration
