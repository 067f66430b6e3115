"""Recipe for Conan 2: `conan create .`"""
import pathlib
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class Multiprocessing(ConanFile):
    name = "multiprocessing"
    description = "Python's multiprocessing for C++20 on Linux"
    license = "Apache-2.0"
    topics = ("multiprocessing", "shared-memory", "ipc", "process-pool")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]
    exports_sources = "CMakeLists.txt", "LICENSE", "cmake/*", "include/*", "lib/*"

    def set_version(self):
        text = pathlib.Path(self.recipe_folder, "CMakeLists.txt").read_text()
        self.version = re.search(r"VERSION (\d+\.\d+\.\d+)", text)[1]

    def validate(self):
        check_min_cppstd(self, 20)
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("multiprocessing needs Linux")

    def requirements(self):
        self.requires("boost/[>=1.81 <2]", transitive_headers=True, transitive_libs=True)
        self.requires("openssl/[>=3 <4]")

    def layout(self):
        cmake_layout(self)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        for kind in ("TESTS", "EXAMPLES", "BENCHMARKS"):
            toolchain.cache_variables[f"MULTIPROCESSING_BUILD_{kind}"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, str(pathlib.Path(self.package_folder, "licenses")))
        CMake(self).install()

    def package_info(self):
        self.cpp_info.libs = ["multiprocessing"]
        self.cpp_info.system_libs = ["pthread"]
        self.cpp_info.requires = ["boost::headers", "boost::serialization", "openssl::crypto"]
        self.cpp_info.set_property("cmake_file_name", "multiprocessing")
        self.cpp_info.set_property("cmake_target_name", "multiprocessing::multiprocessing")
        self.cpp_info.set_property("pkg_config_name", "multiprocessing")
