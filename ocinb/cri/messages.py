"""The messages of the Container Runtime Interface, version 1: names, types and numbers of fields.

The numbers are those that Kubernetes publishes (``pkg/apis/runtime/v1/api.proto`` of
``kubernetes/cri-api``, package ``runtime.v1``); they are what goes over the wire and never change
there. Written here is the part that a kubelet on Linux needs for pods, containers and images. A
field that is not here is kept as it came and is not shown.

A line is a message: ``field=1`` is a string, ``field:type=1`` of another type, ``type*`` is
repeated, and ``map`` goes from strings to strings.
Spec: none (Kubernetes CRI)
"""

from __future__ import annotations

PACKAGE = "runtime.v1"

MESSAGES = """
Int64Value: value:int64=1
UInt64Value: value:uint64=1
KeyValue: key=1 value:bytes=2

VersionRequest: version=1
VersionResponse: version=1 runtime_name=2 runtime_version=3 runtime_api_version=4
StatusRequest: verbose:bool=1
StatusResponse: status:RuntimeStatus=1 info:map=2 runtime_handlers:RuntimeHandler*=3
RuntimeStatus: conditions:RuntimeCondition*=1
RuntimeCondition: type=1 status:bool=2 reason=3 message=4
RuntimeHandler: name=1 features:RuntimeHandlerFeatures=2
RuntimeHandlerFeatures: recursive_read_only_mounts:bool=1 user_namespaces:bool=2

DNSConfig: servers:string*=1 searches:string*=2 options:string*=3
PortMapping: protocol:Protocol=1 container_port:int32=2 host_port:int32=3 host_ip=4
NamespaceOption: network:NamespaceMode=1 pid:NamespaceMode=2 ipc:NamespaceMode=3 target_id=4
SecurityProfile: profile_type:ProfileType=1 localhost_ref=2
LinuxSandboxSecurityContext: namespace_options:NamespaceOption=1 run_as_user:Int64Value=3 \
    readonly_rootfs:bool=4 supplemental_groups:int64*=5 privileged:bool=6 \
    run_as_group:Int64Value=8 seccomp:SecurityProfile=9 apparmor:SecurityProfile=10
LinuxPodSandboxConfig: cgroup_parent=1 security_context:LinuxSandboxSecurityContext=2 sysctls:map=3
PodSandboxMetadata: name=1 uid=2 namespace=3 attempt:uint32=4
PodSandboxConfig: metadata:PodSandboxMetadata=1 hostname=2 log_directory=3 dns_config:DNSConfig=4 \
    port_mappings:PortMapping*=5 labels:map=6 annotations:map=7 linux:LinuxPodSandboxConfig=8
RunPodSandboxRequest: config:PodSandboxConfig=1 runtime_handler=2
RunPodSandboxResponse: pod_sandbox_id=1
StopPodSandboxRequest: pod_sandbox_id=1
StopPodSandboxResponse:
RemovePodSandboxRequest: pod_sandbox_id=1
RemovePodSandboxResponse:
PodSandboxStatusRequest: pod_sandbox_id=1 verbose:bool=2
PodSandboxStatusResponse: status:PodSandboxStatus=1 info:map=2
PodIP: ip=1
PodSandboxNetworkStatus: ip=1 additional_ips:PodIP*=2
PodSandboxStatus: id=1 metadata:PodSandboxMetadata=2 state:PodSandboxState=3 created_at:int64=4 \
    network:PodSandboxNetworkStatus=5 linux:LinuxPodSandboxStatus=6 labels:map=7 \
    annotations:map=8 runtime_handler=9
LinuxPodSandboxStatus: namespaces:Namespace=1
Namespace: options:NamespaceOption=2
PodSandboxStateValue: state:PodSandboxState=1
PodSandboxFilter: id=1 state:PodSandboxStateValue=2 label_selector:map=3
ListPodSandboxRequest: filter:PodSandboxFilter=1
ListPodSandboxResponse: items:PodSandbox*=1
PodSandbox: id=1 metadata:PodSandboxMetadata=2 state:PodSandboxState=3 created_at:int64=4 \
    labels:map=5 annotations:map=6 runtime_handler=7

ImageSpec: image=1 annotations:map=2
Mount: container_path=1 host_path=2 readonly:bool=3 propagation:MountPropagation=5
Device: container_path=1 host_path=2 permissions=3
LinuxContainerResources: cpu_period:int64=1 cpu_quota:int64=2 cpu_shares:int64=3 \
    memory_limit_in_bytes:int64=4 oom_score_adj:int64=5 cpuset_cpus=6 cpuset_mems=7 \
    unified:map=9 memory_swap_limit_in_bytes:int64=10
Capability: add_capabilities:string*=1 drop_capabilities:string*=2 \
    add_ambient_capabilities:string*=3
LinuxContainerSecurityContext: capabilities:Capability=1 privileged:bool=2 \
    namespace_options:NamespaceOption=3 run_as_user:Int64Value=5 run_as_username=6 \
    readonly_rootfs:bool=7 supplemental_groups:int64*=8 no_new_privs:bool=11 \
    run_as_group:Int64Value=12 masked_paths:string*=13 readonly_paths:string*=14 \
    seccomp:SecurityProfile=15 apparmor:SecurityProfile=16
LinuxContainerConfig: resources:LinuxContainerResources=1 \
    security_context:LinuxContainerSecurityContext=2
ContainerMetadata: name=1 attempt:uint32=2
ContainerConfig: metadata:ContainerMetadata=1 image:ImageSpec=2 command:string*=3 args:string*=4 \
    working_dir=5 envs:KeyValue*=6 mounts:Mount*=7 devices:Device*=8 labels:map=9 \
    annotations:map=10 log_path=11 stdin:bool=12 stdin_once:bool=13 tty:bool=14 \
    linux:LinuxContainerConfig=15
CreateContainerRequest: pod_sandbox_id=1 config:ContainerConfig=2 sandbox_config:PodSandboxConfig=3
CreateContainerResponse: container_id=1
StartContainerRequest: container_id=1
StartContainerResponse:
StopContainerRequest: container_id=1 timeout:int64=2
StopContainerResponse:
RemoveContainerRequest: container_id=1
RemoveContainerResponse:
ContainerStateValue: state:ContainerState=1
ContainerFilter: id=1 state:ContainerStateValue=2 pod_sandbox_id=3 label_selector:map=4
ListContainersRequest: filter:ContainerFilter=1
ListContainersResponse: containers:Container*=1
Container: id=1 pod_sandbox_id=2 metadata:ContainerMetadata=3 image:ImageSpec=4 image_ref=5 \
    state:ContainerState=6 created_at:int64=7 labels:map=8 annotations:map=9
ContainerStatusRequest: container_id=1 verbose:bool=2
ContainerStatusResponse: status:ContainerStatus=1 info:map=2
ContainerStatus: id=1 metadata:ContainerMetadata=2 state:ContainerState=3 created_at:int64=4 \
    started_at:int64=5 finished_at:int64=6 exit_code:int32=7 image:ImageSpec=8 image_ref=9 \
    reason=10 message=11 labels:map=12 annotations:map=13 mounts:Mount*=14 log_path=15
UpdateContainerResourcesRequest: container_id=1 linux:LinuxContainerResources=2 annotations:map=4
UpdateContainerResourcesResponse:
ReopenContainerLogRequest: container_id=1
ReopenContainerLogResponse:
CheckpointContainerRequest: container_id=1 location=2 timeout:int64=3
CheckpointContainerResponse:

ExecSyncRequest: container_id=1 cmd:string*=2 timeout:int64=3
ExecSyncResponse: stdout:bytes=1 stderr:bytes=2 exit_code:int32=3
ExecRequest: container_id=1 cmd:string*=2 tty:bool=3 stdin:bool=4 stdout:bool=5 stderr:bool=6
ExecResponse: url=1
AttachRequest: container_id=1 stdin:bool=2 tty:bool=3 stdout:bool=4 stderr:bool=5
AttachResponse: url=1

ContainerAttributes: id=1 metadata:ContainerMetadata=2 labels:map=3 annotations:map=4
CpuUsage: timestamp:int64=1 usage_core_nano_seconds:UInt64Value=2 usage_nano_cores:UInt64Value=3
MemoryUsage: timestamp:int64=1 working_set_bytes:UInt64Value=2 available_bytes:UInt64Value=3 \
    usage_bytes:UInt64Value=4 rss_bytes:UInt64Value=5
FilesystemIdentifier: mountpoint=1
FilesystemUsage: timestamp:int64=1 fs_id:FilesystemIdentifier=2 used_bytes:UInt64Value=3 \
    inodes_used:UInt64Value=4
ContainerStats: attributes:ContainerAttributes=1 cpu:CpuUsage=2 memory:MemoryUsage=3 \
    writable_layer:FilesystemUsage=4
ContainerStatsRequest: container_id=1
ContainerStatsResponse: stats:ContainerStats=1
ContainerStatsFilter: id=1 pod_sandbox_id=2 label_selector:map=3
ListContainerStatsRequest: filter:ContainerStatsFilter=1
ListContainerStatsResponse: stats:ContainerStats*=1

GetEventsRequest:
ContainerEventResponse: container_id=1 container_event_type:ContainerEventType=2 \
    created_at:int64=3 pod_sandbox_status:PodSandboxStatus=4 containers_statuses:ContainerStatus*=5

ImageFilter: image:ImageSpec=1
ListImagesRequest: filter:ImageFilter=1
ListImagesResponse: images:Image*=1
Image: id=1 repo_tags:string*=2 repo_digests:string*=3 size:uint64=4 uid:Int64Value=5 username=6 \
    spec:ImageSpec=7 pinned:bool=8
ImageStatusRequest: image:ImageSpec=1 verbose:bool=2
ImageStatusResponse: image:Image=1 info:map=2
AuthConfig: username=1 password=2 auth=3 server_address=4 identity_token=5 registry_token=6
PullImageRequest: image:ImageSpec=1 auth:AuthConfig=2 sandbox_config:PodSandboxConfig=3
PullImageResponse: image_ref=1
RemoveImageRequest: image:ImageSpec=1
RemoveImageResponse:
ImageFsInfoRequest:
ImageFsInfoResponse: image_filesystems:FilesystemUsage*=1
"""

ENUMS = {
    "Protocol": "TCP UDP SCTP",
    "NamespaceMode": "POD CONTAINER NODE TARGET",
    "ProfileType": "RuntimeDefault Unconfined Localhost",
    "MountPropagation": "PROPAGATION_PRIVATE PROPAGATION_HOST_TO_CONTAINER "
    "PROPAGATION_BIDIRECTIONAL",
    "PodSandboxState": "SANDBOX_READY SANDBOX_NOTREADY",
    "ContainerState": "CONTAINER_CREATED CONTAINER_RUNNING CONTAINER_EXITED CONTAINER_UNKNOWN",
    "ContainerEventType": "CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT "
    "CONTAINER_STOPPED_EVENT CONTAINER_DELETED_EVENT",
}
"""Names in the order of their numbers, from 0. On the wire an enumeration is its number only, so
``ProfileType``, which Kubernetes has inside ``SecurityProfile``, stands beside the others."""

SERVICES = {
    "RuntimeService": (
        "Version Status RunPodSandbox StopPodSandbox RemovePodSandbox PodSandboxStatus "
        "ListPodSandbox CreateContainer StartContainer StopContainer RemoveContainer "
        "ListContainers ContainerStatus UpdateContainerResources ReopenContainerLog "
        "CheckpointContainer ExecSync Exec Attach ContainerStats ListContainerStats "
        "GetContainerEvents"
    ),
    "ImageService": "ListImages ImageStatus PullImage RemoveImage ImageFsInfo",
}
"""Service → its methods. A method takes ``NAMERequest`` and answers ``NAMEResponse``."""

UNLIKE = {"GetContainerEvents": ("GetEventsRequest", "ContainerEventResponse")}
"""Methods whose messages are called otherwise."""

STREAMS = frozenset({"GetContainerEvents"})
"""Methods that go on answering."""

SECRET = frozenset({"password", "auth", "identity_token", "registry_token"})
"""Fields of strings that are never recorded."""
