#include "proxy/tls/self_signed.h"

#include <sys/stat.h>

#include "tests/unit/tls/fixture.h"

namespace hawser::tls {
namespace {

X509Ptr Parse(const std::string& pem) {
  const BioPtr memory(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return X509Ptr(PEM_read_bio_X509(memory.get(), nullptr, nullptr, nullptr));
}

TEST(SelfSigned, CarriesItsNamesAndAddresses) {
  const auto pair = MakeSelfSigned({"localhost", "*.demo.example", "127.0.0.1", "::1"}, 30);
  ASSERT_TRUE(pair.ok()) << pair.status();
  const X509Ptr certificate = Parse(pair->certificate);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate.get(), "localhost", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate.get(), "a.demo.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate.get(), "other.example", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "::1", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "127.0.0.2", 0), 0);
}

TEST(SelfSigned, IsValidNowAndForAsLongAsAsked) {
  const X509Ptr certificate = Parse(MakeSelfSigned({"a"}, 30)->certificate);
  EXPECT_LT(X509_cmp_current_time(X509_get0_notBefore(certificate.get())), 0);
  time_t almost = time(nullptr) + 30 * 86400 - 60;
  time_t beyond = almost + 120;
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(certificate.get()), &almost), 0);
  EXPECT_LT(X509_cmp_time(X509_get0_notAfter(certificate.get()), &beyond), 0);
}

TEST(SelfSigned, ANameCannotSmuggleInAnother) {
  const X509Ptr certificate = Parse(MakeSelfSigned({"a.example,DNS:b.example"}, 1)->certificate);
  EXPECT_EQ(X509_check_host(certificate.get(), "b.example", 0, 0, nullptr), 0);
}

TEST(SelfSigned, NeedsNames) {
  EXPECT_FALSE(MakeSelfSigned({}, 1).ok());
  EXPECT_FALSE(MakeSelfSigned({"a", ""}, 1).ok());
  EXPECT_TRUE(MakeSelfSigned({std::string(200, 'a')}, 1).ok());
}

TEST(SelfSigned, IsWrittenWhereOnlyItsOwnerReadsTheKey) {
  const Directory directory;
  for (int i = 0; i < 2; ++i) {  // over what stands there, too
    const auto files = WriteTo(MakeSelfSigned({"a"}, 1).value(), directory.path());
    ASSERT_TRUE(files.ok()) << files.status();
    struct stat status;
    ASSERT_EQ(stat(files->key.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    EXPECT_TRUE(LoadCertificate(*files).ok());
  }
  EXPECT_FALSE(WriteTo(MakeSelfSigned({"a"}, 1).value(), directory.path() + "/missing").ok());
}

}  // namespace
}  // namespace hawser::tls
