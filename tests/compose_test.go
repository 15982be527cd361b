package tests

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"

	"tributary/config"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// composeProject loads docker-compose.yml as `docker compose config` does, with every profile.
func composeProject(t *testing.T) *types.Project {
	t.Helper()
	root := testserver.Root(t)
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithProfiles([]string{"*"}), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatalf("docker-compose.yml: %v", err)
	}
	return project
}

func TestComposeImagesArePinnedToARelease(t *testing.T) {
	release := regexp.MustCompile(`^[a-z/-]+:[0-9]+\.[0-9]+(\.[0-9]+)?$`)
	for name, service := range composeProject(t).Services {
		if service.Image != "tributary:local" && !release.MatchString(service.Image) {
			t.Errorf("service %s has the image %q, want NAME:RELEASE", name, service.Image)
		}
	}
}

func TestComposeMountsOnlyWhatExists(t *testing.T) {
	project := composeProject(t)
	for name, service := range project.Services {
		for _, mount := range service.Volumes {
			switch mount.Type {
			case types.VolumeTypeBind:
				if _, err := os.Stat(mount.Source); err != nil {
					t.Errorf("service %s mounts what is not there: %v", name, err)
				}
			case types.VolumeTypeVolume:
				if _, ok := project.Volumes[mount.Source]; !ok {
					t.Errorf("service %s mounts the volume %q, which is not declared", name, mount.Source)
				}
			default:
				t.Errorf("service %s has a mount of type %s", name, mount.Type)
			}
		}
		if service.Build != nil {
			if _, err := os.Stat(filepath.Join(service.Build.Context, service.Build.Dockerfile)); err != nil {
				t.Errorf("service %s is built from what is not there: %v", name, err)
			}
		}
	}
}

func TestComposePublishesPortsOnThisMachineOnly(t *testing.T) {
	for name, service := range composeProject(t).Services {
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("service %s publishes %s on %q, want 127.0.0.1: its password is for trying out", name, port.Published, port.HostIP)
			}
		}
	}
}

func TestComposeWorkersWaitForWhatTheyNeed(t *testing.T) {
	project := composeProject(t)
	for name, service := range project.Services {
		for other, dependency := range service.DependsOn {
			healthy := dependency.Condition == types.ServiceConditionHealthy && project.Services[other].HealthCheck != nil
			if !healthy {
				t.Errorf("service %s depends on %s with %q; want a health check, and to wait for it", name, other, dependency.Condition)
			}
		}
		region, isWorker := strings.CutPrefix(name, "worker-")
		if !isWorker {
			continue
		}
		needs := []string{"temporal"}
		if region != "lake" {
			needs = append(needs, "mariadb-"+region)
		}
		for _, need := range needs {
			if _, ok := service.DependsOn[need]; !ok {
				t.Errorf("service %s does not wait for %s", name, need)
			}
		}
	}
}

func TestComposeServesEveryRegionAndRole(t *testing.T) {
	project := composeProject(t)
	var regions, roles []string
	for name, service := range project.Services {
		if region, ok := strings.CutPrefix(name, "worker-"); ok {
			roles = append(roles, strings.Split(flagValue(service.Command, "--role"), ",")...)
			if got := flagValue(service.Command, "--region"); got != "" {
				regions = append(regions, got)
				if got != region {
					t.Errorf("service %s serves region %q", name, got)
				}
			}
		}
	}
	for _, role := range config.Roles {
		if !slices.Contains(roles, role) {
			t.Errorf("no worker has the role %s: %v", role, roles)
		}
	}
	for _, client := range composeClients(t) {
		if !slices.Contains(regions, client.Region) {
			t.Errorf("no worker serves region %s of client %s", client.Region, client.ID)
		}
		if _, ok := project.Services[client.Host]; !ok || client.Host != "mariadb-"+client.Region {
			t.Errorf("client %s is on host %q, want the server of its region, mariadb-%s", client.ID, client.Host, client.Region)
		}
	}
}

// The secrets that the configuration names reach every worker that resolves them.
func TestComposeGivesWorkersTheirSecrets(t *testing.T) {
	root := testserver.Root(t)
	var wanted []string
	for _, file := range []string{"clients.yaml", "daily.yaml"} {
		text, err := os.ReadFile(filepath.Join(root, "deploy", "config", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`env:([A-Z_]+)`).FindAllStringSubmatch(string(text), -1) {
			wanted = append(wanted, match[1])
		}
	}
	if len(wanted) == 0 {
		t.Fatal("deploy/config names no secret: this test checks nothing")
	}
	for name, service := range composeProject(t).Services {
		if !strings.HasPrefix(name, "worker-") && name != "cli" {
			continue
		}
		for _, secret := range wanted {
			if value := service.Environment[secret]; value == nil || *value == "" {
				t.Errorf("service %s has no %s", name, secret)
			}
		}
	}
}

func TestComposeConfigurationIsValid(t *testing.T) {
	cfg, err := config.Load(filepath.Join(testserver.Root(t), "deploy", "config"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "/var/lib/tributary"; !strings.HasPrefix(cfg.Lake.Path, want+"/") {
		t.Errorf("the lake is at %s, want it on the shared volume %s", cfg.Lake.Path, want)
	}
}

// composeClients are the clients of deploy/config, as a worker reads them.
func composeClients(t *testing.T) []table.Client {
	t.Helper()
	cfg, err := config.Load(filepath.Join(testserver.Root(t), "deploy", "config"))
	if err != nil {
		t.Fatal(err)
	}
	clients, err := cfg.Registry(nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []table.Client
	for _, region := range []string{"eu", "us", "ap"} {
		some, err := clients.Clients(context.Background(), region)
		if err != nil || len(some) != 2 {
			t.Fatalf("region %s has %d clients, %v; want 2", region, len(some), err)
		}
		all = append(all, some...)
	}
	return all
}

func flagValue(command []string, flag string) string {
	if i := slices.Index(command, flag); i >= 0 && i+1 < len(command) {
		return command[i+1]
	}
	return ""
}
