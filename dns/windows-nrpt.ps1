# Windows: names under fgpu are asked of the gateway, everything else as before.
#
# 100.121.76.21 is the gateway's primary address, fgpu the tailnet's suffix (with a leading dot: everything
# below it). One rule for each suffix.
#
# Use:  in PowerShell as administrator, this file:  powershell -ExecutionPolicy Bypass -File windows-nrpt.ps1
# Undo: Get-DnsClientNrptRule | Where-Object Comment -eq 'tsgw fgpu' | Remove-DnsClientNrptRule -Force
#       Clear-DnsClientCache
# Try:  Resolve-DnsName 10.100.10.141.fgpu      (nslookup does not go by these rules)

Get-DnsClientNrptRule | Where-Object Comment -eq 'tsgw fgpu' | Remove-DnsClientNrptRule -Force
Add-DnsClientNrptRule -Namespace '.fgpu' -NameServers '100.121.76.21' -Comment 'tsgw fgpu'
Clear-DnsClientCache
